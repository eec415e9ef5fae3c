//! TLS: what a listener shows and what it asks of its peers.

/// The certificate a peer has proved to be its own, verified against the configured authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of the certificate (DER), in lower-case hex.
    pub sha256: String,
    /// Distinguished name of the subject (RFC 4514), ASCII: other bytes are escaped.
    pub subject: String,
}
