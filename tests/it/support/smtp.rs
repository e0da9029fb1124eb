//! A mail server on a free loopback port that takes mails, or fails in a chosen way.
//!
//! Shared: the integration tests and the unit tests of the mail module both include this file.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The authority behind the server's certificate.
#[allow(dead_code, reason = "each includer uses its own part")]
pub(crate) const AUTHORITY_PEM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/tls/ca.pem");

/// An authority that is its own server.
#[allow(dead_code, reason = "each includer uses its own part")]
pub(crate) const SELF_PEM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/tls/self.pem");

/// How long a slow server thinks, in milliseconds: longer than the second that tests give each step.
#[allow(dead_code, reason = "each includer uses its own part")]
pub(crate) const SLOW_MS: u64 = 1500;

/// How the server behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(dead_code, reason = "each includer uses its own part")]
pub(crate) enum Fault {
    /// Takes every mail.
    None,
    /// Accepts the connection and says nothing.
    MuteBanner,
    /// Reads the message and never answers.
    MuteAfterData,
    /// Takes the message and answers after [`SLOW_MS`].
    SlowAfterData,
    /// Takes the message and cuts the connection before the reply.
    DropAfterData,
    /// 550 to the sender.
    RefuseSender,
    /// 530 to the sender: nobody writes who has not logged in.
    WantsLogin,
    /// 550 for one recipient.
    Refuse(String),
    /// 451 to every recipient.
    Busy,
    /// 421 in place of the banner.
    Closing,
    /// 554 in place of the banner: whoever comes is turned away.
    TurnedAway,
    /// 535 to every login, which it quotes.
    BadPassword,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each includer uses its own part")]
pub(crate) enum Security {
    /// Not at all.
    Clear,
    /// From STARTTLS on.
    StartTls,
    /// From the first byte.
    Tls,
    /// From the first byte, with the certificate of an authority as its own, as `openssl req -x509` makes them.
    TlsOfAuthority,
}

/// A mail as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// Recipients in the envelope.
    pub(crate) to: Vec<String>,
    /// The message.
    pub(crate) message: String,
}

#[derive(Debug)]
struct Shared {
    fault: Fault,
    arrived: Vec<Arrived>,
    connections: usize,
}

/// The running server; stops when dropped.
#[derive(Debug)]
pub(crate) struct Sink {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

#[allow(dead_code, reason = "each includer uses its own part")]
impl Sink {
    /// Starts on a free port, in clear.
    pub(crate) async fn start(fault: Fault) -> Self {
        Self::start_with(fault, Security::Clear).await
    }

    /// Starts on a free port. Its certificate is for `localhost` only.
    pub(crate) async fn start_with(fault: Fault, security: Security) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Mutex::new(Shared { fault, arrived: Vec::new(), connections: 0 }));
        let state = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, security, Arc::clone(&state)));
            }
        });
        Self { address, shared, task }
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Behaves differently from the next connection on.
    pub(crate) fn set(&self, fault: Fault) {
        lock(&self.shared).fault = fault;
    }

    /// Mails taken so far.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        lock(&self.shared).arrived.clone()
    }

    /// Connections seen so far.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.shared).connections
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection; an error of the socket ends it.
async fn serve(stream: TcpStream, security: Security, shared: Arc<Mutex<Shared>>) {
    let fault = {
        let mut shared = lock(&shared);
        shared.connections += 1;
        shared.fault.clone()
    };
    drop(secure(stream, security, &fault, &shared).await);
}

async fn secure(
    mut stream: TcpStream,
    security: Security,
    fault: &Fault,
    shared: &Mutex<Shared>,
) -> std::io::Result<()> {
    match security {
        Security::Clear => {
            greet(&mut stream, fault).await?;
            talk(stream, fault, shared).await
        }
        Security::Tls | Security::TlsOfAuthority => {
            let certificate = if security == Security::Tls { "server.pem" } else { "self.pem" };
            let mut stream = acceptor(certificate).accept(stream).await?;
            greet(&mut stream, fault).await?;
            talk(stream, fault, shared).await
        }
        Security::StartTls => {
            greet(&mut stream, fault).await?;
            let mut lines = BufReader::new(&mut stream).lines();
            while let Some(line) = lines.next_line().await? {
                let start = line.eq_ignore_ascii_case("STARTTLS");
                let reply: &[u8] = match line.get(..4) {
                    _ if start => b"220 2.0.0 go ahead\r\n",
                    Some("EHLO" | "ehlo") => b"250-sink\r\n250 STARTTLS\r\n",
                    _ => b"530 5.7.0 STARTTLS first\r\n",
                };
                lines.get_mut().get_mut().write_all(reply).await?;
                if start {
                    break;
                }
            }
            talk(acceptor("server.pem").accept(stream).await?, fault, shared).await
        }
    }
}

fn acceptor(certificate: &str) -> TlsAcceptor {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/tls");
    let certificate = CertificateDer::from_pem_file(format!("{folder}/{certificate}")).expect("certificate");
    let key = PrivateKeyDer::from_pem_file(format!("{folder}/server.key")).expect("key");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key that fits its certificate");
    TlsAcceptor::from(Arc::new(config))
}

async fn greet(stream: &mut (impl AsyncWrite + Unpin), fault: &Fault) -> std::io::Result<()> {
    match fault {
        Fault::MuteBanner => std::future::pending().await,
        Fault::Closing => {
            stream.write_all(b"421 4.3.2 closing\r\n").await?;
            Err(std::io::ErrorKind::ConnectionAborted.into())
        }
        Fault::TurnedAway => {
            stream.write_all(b"554 5.3.2 no service for you today\r\n").await?;
            Err(std::io::ErrorKind::ConnectionAborted.into())
        }
        _ => stream.write_all(b"220 sink ready\r\n").await,
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite, fault: &Fault, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    let mut to = Vec::new();
    while let Some(line) = lines.next_line().await? {
        let upper = line.to_ascii_uppercase();
        let reply = if upper.starts_with("EHLO") {
            "250-sink\r\n250 AUTH PLAIN LOGIN\r\n".to_string()
        } else if upper.starts_with("AUTH") {
            let bad = *fault == Fault::BadPassword;
            // As some servers do: the refused login is quoted.
            if bad { format!("535 5.7.8 wrong password: {line}\r\n") } else { "235 2.7.0 welcome\r\n".into() }
        } else if upper.starts_with("MAIL FROM:") && *fault == Fault::RefuseSender {
            "550 5.7.1 you may not send\r\n".to_string()
        } else if upper.starts_with("MAIL FROM:") && *fault == Fault::WantsLogin {
            "530 5.7.0 Authentication required\r\n".to_string()
        } else if upper.starts_with("RCPT TO:") {
            let address = line.split(['<', '>']).nth(1).unwrap_or_default().to_string();
            match fault {
                Fault::Refuse(one) if *one == address => "550 5.1.1 no such mailbox\r\n".to_string(),
                Fault::Busy => "451 4.3.0 try later\r\n".to_string(),
                _ => {
                    to.push(address);
                    "250 2.1.5 ok\r\n".to_string()
                }
            }
        } else if upper == "DATA" {
            write.write_all(b"354 go ahead\r\n").await?;
            let mut message = String::new();
            while let Some(line) = lines.next_line().await? {
                if line == "." {
                    break;
                }
                message.push_str(line.strip_prefix('.').unwrap_or(&line));
                message.push_str("\r\n");
            }
            if *fault == Fault::MuteAfterData {
                std::future::pending::<()>().await;
            }
            if *fault == Fault::SlowAfterData {
                tokio::time::sleep(std::time::Duration::from_millis(SLOW_MS)).await;
            }
            lock(shared).arrived.push(Arrived { to: std::mem::take(&mut to), message });
            if *fault == Fault::DropAfterData {
                return Ok(());
            }
            "250 2.0.0 taken as 42\r\n".to_string()
        } else if upper == "QUIT" {
            return write.write_all(b"221 2.0.0 bye\r\n").await;
        } else {
            "250 2.0.0 ok\r\n".to_string()
        };
        write.write_all(reply.as_bytes()).await?;
    }
    Ok(())
}
