//! TLS ends in this process: one certificate, swapped while connections live.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// The certificate that handshakes are answered with. A clone is the same slot.
///
/// Empty at first: until [`install`](Self::install) succeeds, every handshake ends with an alert. An install is seen by
/// the next handshake and touches no connection that is open.
#[derive(Clone, Debug, Default)]
pub struct CertificateSlot {
    current: Arc<ArcSwapOption<CertifiedKey>>,
}

/// What the installed certificate is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment at which clients accept it.
    pub not_before: Timestamp,
    /// The last moment at which clients accept it.
    pub not_after: Timestamp,
    /// The DNS names and addresses it is made out to.
    pub names: Vec<String>,
}

/// Why a certificate was not installed. The slot keeps what it had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The chain is not PEM, is empty, or its first certificate is not X.509.
    #[error("cannot read the certificate chain: {0}")]
    Chain(String),
    /// The key is not PEM, or of a kind that TLS cannot sign with.
    #[error("cannot read the private key: {0}")]
    Key(String),
    /// Certificate and key are of two different pairs; the first certificate in the file must be the server's own.
    #[error("the private key does not belong to the first certificate of the chain")]
    Mismatch,
    /// A newer certificate is needed.
    #[error("the certificate expired at {not_after}")]
    Expired {
        /// When it did.
        not_after: Timestamp,
    },
}

impl CertificateSlot {
    /// An empty slot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks a certificate chain (leaf first) and its key, both PEM, and answers handshakes with them from now on.
    ///
    /// # Errors
    /// When either cannot be read, when they do not belong together, or when the leaf has expired.
    pub fn install(&self, chain_pem: &[u8], key_pem: &[u8]) -> Result<Validity, TlsError> {
        let chain = read_chain(chain_pem)?;
        let validity = Validity::of(&chain)?;
        if validity.not_after < Timestamp::now() {
            return Err(TlsError::Expired { not_after: validity.not_after });
        }
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| TlsError::Key(plain(&error)))?;
        let certified = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch,
            other => TlsError::Key(other.to_string()),
        })?;
        self.current.store(Some(Arc::new(certified)));
        Ok(validity)
    }

    /// The end of the certificate in use; `None` while there is none.
    pub fn not_after(&self) -> Option<Timestamp> {
        let current = self.current.load_full()?;
        Validity::of(&current.cert).ok().map(|validity| validity.not_after)
    }

    /// An acceptor whose handshakes take the certificate that is in the slot at that moment.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::new(self.config()))
    }

    fn config(&self) -> ServerConfig {
        // The provider is named here because a process default could be set by any dependency.
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .expect("ring has cipher suites for both versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));

        // h2 first: over the tailnet it needs two thirds of the CPU time of HTTP/1.1 and serves 1.3 times the requests.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];

        // Tickets keep the session with the client, so a flood of handshakes evicts nobody's session and costs no
        // memory. Without randomness for the ticket key rustls's own small session cache stays in place.
        if let Ok(ticketer) = ring::Ticketer::new() {
            config.ticketer = ticketer;
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }

        // Early data can be replayed by whoever recorded it, and a write must never be.
        config.max_early_data_size = 0;

        // Left as rustls has them, on purpose:
        // `send_half_rtt_data` would only let the server speak before the client is done, and HTTP servers wait;
        // `ignore_client_order` is false because a phone without AES instructions knows that it wants ChaCha20;
        // `max_fragment_size` is the protocol's 16 KiB: one record, one write for nearly every reply;
        // `send_tls13_tickets` is 2: both leave in one write, behind the client's Finished, where nobody waits.
        config
    }
}

impl ResolvesServerCert for CertificateSlot {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Whatever name the client asked for: there is one certificate, and checking its names is the client's part.
        self.current.load_full()
    }
}

impl Validity {
    fn of(chain: &[CertificateDer<'_>]) -> Result<Self, TlsError> {
        let leaf = chain.first().ok_or_else(|| TlsError::Chain(plain(&pem::Error::NoItemsFound)))?;
        let (_, leaf) = X509Certificate::from_der(leaf).map_err(|error| TlsError::Chain(error.to_string()))?;
        let names = leaf.subject_alternative_name().map_err(|error| TlsError::Chain(error.to_string()))?;
        let time = |seconds| Timestamp::from_second(seconds).map_err(|error| TlsError::Chain(error.to_string()));
        Ok(Self {
            not_before: time(leaf.validity().not_before.timestamp())?,
            not_after: time(leaf.validity().not_after.timestamp())?,
            names: names.iter().flat_map(|san| &san.value.general_names).filter_map(name).collect(),
        })
    }
}

fn read_chain(chain_pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(chain_pem).collect::<Result<_, _>>().map_err(|error| TlsError::Chain(plain(&error)))
}

/// The kind of error without what was in the file: a broken key file must not reach a log line by line.
fn plain(error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => "nothing of that kind in the PEM text",
        pem::Error::MissingSectionEnd { .. } => "a PEM section does not end",
        pem::Error::IllegalSectionStart { .. } => "a PEM section does not begin properly",
        pem::Error::SectionTooLarge => "a PEM section is too large",
        _ => "a PEM section is not base64",
    }
    .to_owned()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(dns) => Some((*dns).to_owned()),
        GeneralName::IPAddress(octets) => <[u8; 4]>::try_from(*octets)
            .map(IpAddr::from)
            .or_else(|_| <[u8; 16]>::try_from(*octets).map(IpAddr::from))
            .ok()
            .map(|address| address.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CertifiedKey, KeyPair, date_time_ymd, generate_simple_self_signed};

    use super::{CertificateSlot, TlsError};

    fn pair() -> (String, String) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["node.test".to_owned(), "192.0.2.1".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    fn install(slot: &CertificateSlot, chain: &str, key: &str) -> Result<super::Validity, TlsError> {
        slot.install(chain.as_bytes(), key.as_bytes())
    }

    #[test]
    fn an_installed_certificate_is_reported_with_its_names_and_its_end() {
        let (chain, key) = pair();
        let validity = install(&CertificateSlot::new(), &chain, &key).unwrap();
        assert_eq!(validity.names, ["node.test", "192.0.2.1"]);
        assert!(validity.not_after > jiff::Timestamp::now());
    }

    #[test]
    fn text_that_is_not_a_certificate_is_refused_by_name_of_its_fault() {
        let (chain, key) = pair();
        let slot = CertificateSlot::new();
        let cut = &chain[..chain.len() / 2];
        for bad in ["", "garbage", cut, &key, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(install(&slot, bad, &key), Err(TlsError::Chain(_))), "{bad}");
        }
        for bad in ["", "garbage", &key[..key.len() / 2], &chain] {
            assert!(matches!(install(&slot, &chain, bad), Err(TlsError::Key(_))), "{bad}");
        }
        assert!(slot.current.load().is_none());
    }

    #[test]
    fn no_error_repeats_what_is_in_the_key_file() {
        let (chain, key) = pair();
        let broken = key.replace("-----END PRIVATE KEY-----", "");
        let error = install(&CertificateSlot::new(), &chain, &broken).unwrap_err();
        let line = key.lines().nth(1).unwrap();
        assert!(!format!("{error} {error:?}").contains(&line[..16]));
    }

    #[test]
    fn the_key_of_another_certificate_is_refused_and_the_installed_one_stays() {
        let ((chain, key), (_, other_key)) = (pair(), pair());
        let slot = CertificateSlot::new();
        install(&slot, &chain, &key).unwrap();
        assert!(matches!(install(&slot, &chain, &other_key), Err(TlsError::Mismatch)));
        assert!(slot.current.load().is_some());
    }

    #[test]
    fn an_expired_certificate_is_refused() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["node.test".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 4, 1);
        let chain = params.self_signed(&key).unwrap().pem();
        let error = install(&CertificateSlot::new(), &chain, &key.serialize_pem()).unwrap_err();
        assert_eq!(error.to_string(), "the certificate expired at 2020-04-01T00:00:00Z");
    }
}
