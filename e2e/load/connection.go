package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// What can become of a request beside an answer; an answer that is not 2xx is "status_" and its code.
const (
	refused = "refused" // no connection could be made
	broken  = "broken"  // the connection ended before the whole answer was there
	timeout = "timeout" // the answer took longer than the plan's timeout
	unsent  = "unsent"  // every connection was still waiting for an answer
)

// outcome is what became of one request.
type outcome struct {
	version    string // the header x-version of the answer
	failure    string // empty for 2xx
	deliberate bool   // the app marked the failure as its own (x-deliberate): not lost
	took       time.Duration
}

type target struct {
	address string
	request []byte
	timeout time.Duration
}

func newTarget(url *url.URL, host string, headers []string, timeout time.Duration) target {
	address := url.Host
	if url.Port() == "" {
		address = net.JoinHostPort(url.Hostname(), "80")
	}
	if host == "" {
		host = url.Host
	}
	lines := append([]string{"GET " + url.RequestURI() + " HTTP/1.1", "Host: " + host, "User-Agent: serin-load"}, headers...)
	request := strings.Join(lines, "\r\n") + "\r\n\r\n"
	return target{address: address, request: []byte(request), timeout: timeout}
}

// connection is one keep-alive connection. It speaks HTTP by hand because net/http's client silently sends a
// request again when a kept connection breaks, and that is exactly what has to be counted.
type connection struct {
	target
	socket net.Conn
	reader *bufio.Reader
}

func (c *connection) ask() outcome {
	began := time.Now()
	result := c.exchange(began.Add(c.timeout))
	result.took = time.Since(began)
	return result
}

func (c *connection) exchange(deadline time.Time) outcome {
	if c.socket == nil {
		socket, err := net.DialTimeout("tcp", c.address, time.Until(deadline))
		if err != nil {
			return outcome{failure: refused}
		}
		c.socket, c.reader = socket, bufio.NewReader(socket)
	}
	answer, err := c.roundTrip(deadline)
	if err != nil {
		c.close()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return outcome{failure: timeout}
		}
		return outcome{failure: broken}
	}
	if answer.Close {
		c.close()
	}
	result := outcome{version: answer.Header.Get("x-version")}
	if answer.StatusCode/100 != 2 {
		result.failure = fmt.Sprintf("status_%d", answer.StatusCode)
		result.deliberate = answer.Header.Get("x-deliberate") != ""
	}
	return result
}

// roundTrip reads the body to its end: half an answer is a broken connection, not an answer.
func (c *connection) roundTrip(deadline time.Time) (*http.Response, error) {
	if err := c.socket.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if _, err := c.socket.Write(c.request); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return answer, err
}

func (c *connection) close() {
	if c.socket != nil {
		_ = c.socket.Close() // nothing is owed to the peer any more
		c.socket = nil
	}
}
