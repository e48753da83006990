//! When a connection has to end.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use super::Limits;
use super::activity::Activity;
use super::slots::Standing;

/// The one timer of a connection.
///
/// It is set to the earliest moment at which anything could be due, and looks at the marks when it fires. It is set anew in
/// between only when a head came in part, which a client in good health seldom does: a request costs no timer.
pub(super) struct Watch<'a> {
    limits: Limits,
    activity: &'a Activity,
    standing: &'a Standing,
    moved: Instant,
    cut: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

/// Why a connection has to end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expired {
    Head,
    Idle,
    Stalled,
    Goodbye,
}

impl<'a> Watch<'a> {
    pub(super) fn new(limits: Limits, activity: &'a Activity, standing: &'a Standing) -> Self {
        let now = Instant::now();
        let timer = Box::pin(sleep_until(now + limits.header));
        Self { limits, activity, standing, moved: now, cut: None, timer }
    }

    /// From now on nothing but this moment counts.
    pub(super) fn cut_at(&mut self, at: Instant) {
        self.cut = Some(at);
    }

    /// Ready when the connection has to end. After each poll of the connection, for that is when marks appear.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Expired> {
        if self.activity.take_moved() {
            self.moved = Instant::now();
        }
        let (due, expired) = self.due();
        if due < self.timer.deadline() {
            self.timer.as_mut().reset(due);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= due {
                return Poll::Ready(expired);
            }
            self.timer.as_mut().reset(due);
        }
        Poll::Pending
    }

    fn due(&self) -> (Instant, Expired) {
        if let Some(at) = self.cut {
            (at, Expired::Goodbye)
        } else if let Some(began) = self.activity.head_began() {
            (began + self.limits.header, Expired::Head)
        } else {
            match (self.activity.in_flight(), self.standing.is_welcome()) {
                (true, _) => (self.moved + self.limits.idle, Expired::Stalled),
                (false, true) => (self.moved + self.limits.idle, Expired::Idle),
                (false, false) => (self.moved + self.limits.stranger_idle, Expired::Idle),
            }
        }
    }
}

impl Expired {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Head => "no request head in time",
            Self::Idle => "no request for too long",
            Self::Stalled => "nothing moved inside a request for too long",
            Self::Goodbye => "the peer did not take part in closing",
        }
    }
}
