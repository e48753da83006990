//! How much of this process strangers may use.

use std::time::Duration;

/// The limits of all connections of the process. Each number is for an honest client, with room to spare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections in all, the admin socket's not counted.
    pub connections: usize,
    /// How many of them may come from the public internet, or over this machine's own socket, where a proxy may bring anybody.
    pub public: usize,
    /// Open connections of one source: an IPv4 address, an IPv6 /64, or one tailnet device. Loopback is not counted.
    pub per_source: usize,
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time for a request's head, from its first byte; for the first head, from when the connection was accepted.
    pub header: Duration,
    /// How long a connection lives on which nothing happens, between requests or inside one.
    pub idle: Duration,
    /// The same between the requests of a connection of which none was anybody's who was let in.
    pub stranger_idle: Duration,
    /// Silence after which an HTTP/2 peer is asked whether it is there, and how long it has to say so.
    pub ping: Duration,
    /// Bytes of a request's head. On HTTP/1.1 this is the size of a buffer, at least 8 KiB, that may grow to twice as much.
    pub header_bytes: u32,
    /// Requests at a time on one HTTP/2 connection.
    pub streams: u32,
}

/// Descriptors that no connection takes: databases, the audit log, the node's own sockets, calls to Roam Desktop.
const OTHER_FILES: u64 = 200;
/// A connection of the tailnet or of Funnel is a pair of sockets.
const FILES_EACH: u64 = 2;
/// With fewer a node could not be used at all.
const LEAST: usize = 16;

impl Limits {
    /// As many connections as this process may have descriptors for, and a word to the operator if that is few.
    ///
    /// Go raises the soft limit to the hard one when it starts: ask after that.
    #[cfg(unix)]
    pub fn of_this_process() -> Self {
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let limits = files.map_or_else(Self::default, Self::within);
        if limits.connections < Self::default().connections {
            tracing::warn!(
                open_files = files,
                connections = limits.connections,
                public = limits.public,
                "few connections at a time: the limit of open files is low (ulimit -Hn, or LimitNOFILE= of systemd)"
            );
        }
        limits
    }

    /// The default, or fewer connections if there can be no more than `files` descriptors.
    fn within(files: u64) -> Self {
        let limits = Self::default();
        let fit = usize::try_from(files.saturating_sub(OTHER_FILES) / FILES_EACH).unwrap_or(usize::MAX);
        let connections = fit.clamp(LEAST, limits.connections);
        Self { connections, public: connections / 5 * 4, ..limits }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A graph has one owner with a handful of clients, each with a few connections. About 55 KiB each, and two
            // descriptors, which stays within a limit of 4096.
            connections: 1280,
            // However many addresses a stranger has, a fifth stays for the tailnet.
            public: 1024,
            // Hosted clients reach the node from a few addresses that many of their users share.
            per_source: 64,
            // Two round trips by DERP take under a second; a lost packet or two add some more.
            handshake: Duration::from_secs(10),
            // A head is one packet or two, sent at once.
            header: Duration::from_secs(10),
            // Longer than any pool keeps a connection unused (Go and browsers: 90 s to 5 min), so that it is the client
            // that closes; an event stream writes every 15 s.
            idle: Duration::from_secs(300),
            // Whoever comes with a right credential shows it at once.
            stranger_idle: Duration::from_secs(15),
            // A peer that vanished is noticed within a minute, and a phone is not woken all the time.
            ping: Duration::from_secs(30),
            // An OAuth access token and a browser's cookies fit several times.
            header_bytes: 16 * 1024,
            // What clients assume until they are told, and the least that RFC 9113, section 6.5.2 recommends: with fewer, a
            // client that starts with many requests at once has some refused. Each stream buffers up to 64 KiB of its reply.
            streams: 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_all_else_and_places_for_the_tailnet() {
        for (files, connections, public) in
            [(0, 16, 12), (256, 28, 20), (1024, 412, 328), (4096, 1280, 1024), (u64::MAX, 1280, 1024)]
        {
            let limits = Limits::within(files);
            assert_eq!((limits.connections, limits.public), (connections, public), "{files}");
        }
    }
}
