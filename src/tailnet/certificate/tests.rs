//! The keeper with an authority that a test plays, and paused time.

use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An authority as the node shows it: a certificate is kept until a renewal is asked for, and works.
#[derive(Clone)]
struct Authority(Arc<Mutex<Played>>);

struct Played {
    began: (Timestamp, Instant),
    works: bool,
    /// Orders for this name never come to an end.
    hangs_for: &'static str,
    kept: Option<(Timestamp, (String, String))>,
    /// When it was asked, since the start.
    asked: Vec<Duration>,
}

impl Authority {
    fn new() -> Self {
        // Whole seconds, as in a certificate.
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let played = Played { began: (now, Instant::now()), works: true, hangs_for: "", kept: None, asked: Vec::new() };
        Self(Arc::new(Mutex::new(played)))
    }

    fn now(&self) -> Timestamp {
        let (began, at) = self.0.lock().unwrap().began;
        began + at.elapsed()
    }

    fn works(&self, works: bool) {
        self.0.lock().unwrap().works = works;
    }

    fn asked(&self) -> Vec<Duration> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }
}

impl Issuer for Authority {
    async fn issue(&self, domain: &str, min_validity: Duration) -> Result<(String, Secret), NodeError> {
        let now = self.now();
        let hangs_for = self.0.lock().unwrap().hangs_for;
        if domain == hangs_for {
            std::future::pending::<()>().await;
        }
        let mut played = self.0.lock().unwrap();
        let since = played.began.1.elapsed();
        played.asked.push(since);
        let good = played.kept.as_ref().is_some_and(|(end, _)| *end >= now + min_validity && *end > now);
        if !good {
            if !played.works {
                return Err(NodeError::new(ErrorKind::Certificate, "the authority is on holiday"));
            }
            played.kept = Some((now + DAY * 90, certificate(domain, now, now + DAY * 90)));
        }
        let (chain, key) = played.kept.as_ref().unwrap().1.clone();
        Ok((chain, Secret::from(key)))
    }
}

fn certificate(domain: &str, from: Timestamp, to: Timestamp) -> (String, String) {
    let day_one = rcgen::date_time_ymd(1970, 1, 1);
    let at = |time: Timestamp| day_one + Duration::from_secs(time.as_second().try_into().unwrap());
    let mut params = rcgen::CertificateParams::new([domain.to_owned()]).unwrap();
    (params.not_before, params.not_after) = (at(from), at(to));
    let key = rcgen::KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

const NAME: &str = "roam.example.ts.net";

fn kept(authority: &Authority) -> watch::Receiver<CertificateState> {
    let (name, names) = watch::channel(NAME.to_owned());
    let told = kept_for(authority, names);
    tokio::spawn(async move { name.closed().await });
    told
}

fn kept_for(authority: &Authority, names: watch::Receiver<String>) -> watch::Receiver<CertificateState> {
    let (state, told) = watch::channel(CertificateState::Pending);
    let (issuer, slot) = (authority.clone(), CertificateSlot::new());
    let clock = {
        let authority = authority.clone();
        move || authority.now()
    };
    let keeper = Keeper { issuer, clock, slot, state, held: None, retry: FIRST_RETRY };
    tokio::spawn(keeper.keep(names));
    told
}

fn is_valid(state: &CertificateState) -> bool {
    matches!(state, CertificateState::Valid { .. })
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
    let authority = Authority::new();
    let mut state = kept(&authority);
    let CertificateState::Valid { not_after: first } = state.wait_for(is_valid).await.unwrap().clone() else {
        panic!()
    };
    state.mark_unchanged();
    let renewed =
        |state: &CertificateState| matches!(state, CertificateState::Valid { not_after } if *not_after > first);
    state.wait_for(renewed).await.unwrap();
    let asked = authority.asked();
    assert_eq!(*asked.last().unwrap(), DAY * 60, "{asked:?}");
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] <= REREAD), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_told_with_its_reason_and_tried_every_hour_until_the_end_and_then_at_once() {
    let authority = Authority::new();
    let mut state = kept(&authority);
    let CertificateState::Valid { not_after: end } = state.wait_for(is_valid).await.unwrap().clone() else { panic!() };
    authority.works(false);
    let told = state.wait_for(|state| !is_valid(state)).await.unwrap().clone();
    let CertificateState::Unrenewed { not_after, reason, .. } = told else { panic!("{told:?}") };
    assert_eq!((not_after, &*reason), (end, "the authority is on holiday"));
    assert!((DAY * 60..DAY * 61).contains(authority.asked().last().unwrap()));

    let told = state.wait_for(|state| !matches!(state, CertificateState::Unrenewed { .. })).await.unwrap().clone();
    assert!(matches!(told, CertificateState::Failed { .. }), "{told:?}");
    let asked = authority.asked();
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] <= Duration::from_secs(3600)), "{asked:?}");
    assert_eq!(*asked.last().unwrap(), DAY * 90, "the end of it shows when it is there");

    authority.works(true);
    state.wait_for(is_valid).await.unwrap();
    assert_eq!(authority.asked(), [DAY * 90 + FIRST_RETRY]);
}

#[tokio::test(start_paused = true)]
async fn a_new_name_does_not_wait_for_the_order_of_the_old_one() {
    let authority = Authority::new();
    authority.0.lock().unwrap().hangs_for = NAME;
    let (name, names) = watch::channel(NAME.to_owned());
    let mut state = kept_for(&authority, names);
    tokio::time::sleep(DAY).await;
    assert_eq!(*state.borrow(), CertificateState::Pending);
    name.send_replace("roam-1.example.ts.net".to_owned());
    tokio::time::timeout(FIRST_RETRY, state.wait_for(is_valid)).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_asks_when_it_wakes() {
    let authority = Authority::new();
    let mut state = kept(&authority);
    state.wait_for(is_valid).await.unwrap();
    authority.works(false);
    authority.asked();
    authority.0.lock().unwrap().began.0 += DAY * 70;
    let woke = Instant::now();
    state.wait_for(|state| matches!(state, CertificateState::Unrenewed { .. })).await.unwrap();
    assert!(woke.elapsed() <= wall_clock::LOOK, "{:?}", woke.elapsed());
}
