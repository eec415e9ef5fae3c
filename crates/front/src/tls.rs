//! TLS: what a listener shows and what it asks of its peers.

use std::fmt;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use x509_cert::der::Decode;

/// ALPN identifier of HTTP/2.
pub(crate) const H2: &[u8] = b"h2";
const HTTP11: &[u8] = b"http/1.1";
const SUBJECT: usize = 1024;

/// What a TLS listener needs. TLS 1.2 and 1.3.
#[derive(Clone, Default)]
pub struct Tls {
    /// PEM of the server's certificate, then of those between it and its root.
    pub certificates: Vec<u8>,
    /// PEM of the private key (PKCS #8, PKCS #1 or SEC 1), not encrypted.
    pub key: Vec<u8>,
    /// Whether peers show a certificate.
    pub clients: Clients,
    /// PEM of the roots that client certificates are verified against.
    pub authorities: Vec<u8>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key stays out of it.
        formatter
            .debug_struct("Tls")
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}

/// Certificates of peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clients {
    /// None is asked for.
    #[default]
    Off,
    /// One is asked for; a peer may have none, but not a bad one.
    Request,
    /// A peer without a good one is refused in the handshake.
    Require,
}

/// The certificate a peer has proved to be its own, verified against the configured authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of the certificate (DER), in lower-case hex.
    pub sha256: String,
    /// Distinguished name of the subject (RFC 4514), ASCII: other bytes are escaped. At most 1,024 bytes.
    pub subject: String,
}

/// Why TLS cannot be set up.
#[derive(Debug)]
pub struct Invalid(String);

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

impl Tls {
    pub(crate) fn build(&self, http2: bool) -> Result<Arc<ServerConfig>, Invalid> {
        let chain = certificates(&self.certificates, "certificate")?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| match error {
            PemError::NoItemsFound => Invalid("there is no unencrypted private key in the PEM".to_owned()),
            error => Invalid(format!("the PEM of the private key is not sound: {error}")),
        })?;
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Invalid(error.to_string()))?;
        let builder = if self.clients == Clients::Off {
            builder.with_no_client_auth()
        } else {
            let mut roots = RootCertStore::empty();
            for root in certificates(&self.authorities, "client authority")? {
                roots
                    .add(root)
                    .map_err(|error| Invalid(format!("a client authority is not usable: {error}")))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = match self.clients {
                Clients::Request => verifier.allow_unauthenticated(),
                _ => verifier,
            };
            let verifier = verifier.build().map_err(|error| Invalid(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| Invalid(format!("certificate and key do not go together: {error}")))?;
        config.alpn_protocols = if http2 {
            vec![H2.to_vec(), HTTP11.to_vec()]
        } else {
            vec![HTTP11.to_vec()]
        };
        if self.clients != Clients::Off {
            // A resumed session would not look at the certificate again, which may have expired since.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Arc::new(config))
    }
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Invalid> {
    let list: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let list = list.map_err(|error| Invalid(format!("the PEM of the {what} is not sound: {error}")))?;
    if list.is_empty() {
        return Err(Invalid(format!("there is no {what} in the PEM")));
    }
    Ok(list)
}

impl Certificate {
    /// What is to be known of a verified certificate; None when it cannot be put into words.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let parsed = x509_cert::Certificate::from_der(der).ok()?;
        let subject = ascii(&parsed.tbs_certificate().subject().to_string());
        let mut sha256 = String::with_capacity(64);
        for byte in digest(&SHA256, der).as_ref() {
            push_hex(*byte, &mut sha256);
        }
        sha256.make_ascii_lowercase();
        (subject.len() <= SUBJECT).then_some(Self { sha256, subject })
    }
}

/// Escapes what is not visible ASCII as RFC 4514 does (2.4): a backslash and two hex digits for each byte.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') {
            out.push(char::from(byte));
        } else {
            out.push('\\');
            push_hex(byte, &mut out);
        }
    }
    out
}

fn push_hex(byte: u8, out: &mut String) {
    for digit in [byte >> 4, byte & 15] {
        out.extend(char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()));
    }
}
