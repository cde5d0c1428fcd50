use bytes::Bytes;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Peer {
    /// Somebody on the same host, by the Unix socket, who may do everything.
    #[default]
    Local,
    /// Somebody on the network, who may do what the certificate is good for.
    Network {
        /// The certificate that they have shown, DER, if any.
        certificate: Option<Bytes>,
    },
}
