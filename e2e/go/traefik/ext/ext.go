// Package ext stands in for a module of Traefik that no proxy serves: the types that a vendor's build would extend, empty.
package ext

// HTTP would be more kinds of middleware.
type HTTP struct{}

// DeepCopyInto copies nothing: there is nothing.
func (in *HTTP) DeepCopyInto(out *HTTP) { *out = *in }

// Router would be more fields of a router.
type Router struct{}

// DeepCopyInto copies nothing: there is nothing.
func (in *Router) DeepCopyInto(out *Router) { *out = *in }
