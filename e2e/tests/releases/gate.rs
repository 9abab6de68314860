//! A door in front of a server: open, it passes connections on; shut, nobody gets through and those inside are cut off.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::support::Outcome;

/// Below those that the kernel gives to whoever connects: nobody else takes the address of a door that is shut.
static NEXT_PORT: AtomicU16 = AtomicU16::new(20_100);

/// The door stays at its address from one opening to the next.
pub(super) struct Gate {
    address: SocketAddr,
    server: &'static str,
    open: Option<JoinHandle<()>>,
}

impl Gate {
    /// Shut, in front of `server`.
    pub(super) fn before(server: &'static str) -> Self {
        let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
        Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), server, open: None }
    }

    /// Host and port.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(super) async fn open(&mut self) -> Outcome {
        let listener = TcpListener::bind(self.address).await?;
        self.open = Some(tokio::spawn(pass(listener, self.server)));
        Ok(())
    }

    pub(super) async fn shut(&mut self) {
        if let Some(open) = self.open.take() {
            open.abort();
            // An aborted task ends with an error; its sockets are closed then.
            let _ = open.await;
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(open) = &self.open {
            open.abort();
        }
    }
}

/// Connections end with the set that holds them.
async fn pass(listener: TcpListener, server: &'static str) {
    let mut inside = JoinSet::new();
    while let Ok((mut guest, _)) = listener.accept().await {
        inside.spawn(async move {
            if let Ok(mut host) = TcpStream::connect(server).await {
                // However a connection ends, its two sides learn of it by the closed sockets.
                let _ = copy_bidirectional(&mut guest, &mut host).await;
            }
        });
    }
}
