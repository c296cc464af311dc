//! QUIC endpoints: sockets, TLS, trust, congestion control and the datagram path.
