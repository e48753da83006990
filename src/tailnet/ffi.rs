//! The border to Go, and to `sigaction(2)`: every `unsafe` block of the program.

use std::ffi::{CStr, c_char, c_int};
use std::io;
use std::mem::zeroed;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr::{null, null_mut};

unsafe extern "C" {
    /// See `vendor/libtailscale/main.go`. Takes over `control_fd` whatever it returns; 0 is success.
    fn roam_tailnet_start(config_json: *const c_char, control_fd: c_int) -> c_int;
}

/// Go's runtime, asleep until it is needed.
#[cfg(go_sleeps)]
mod runtime {
    use std::ffi::{c_char, c_int};
    use std::ptr::null_mut;
    use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

    type Start = extern "C" fn(c_int, *const *const c_char);

    unsafe extern "C" {
        /// The one entry that `build.rs` took out of `.init_array`; the linker names the beginning of its section.
        static __start_roam_go_init: Start;
    }

    /// What the system handed to the process. Go finds its arguments, its environment and facts about the machine there.
    static COUNT: AtomicI32 = AtomicI32::new(0);
    static ARGUMENTS: AtomicPtr<*const c_char> = AtomicPtr::new(null_mut());

    #[used]
    #[unsafe(link_section = ".init_array")]
    static REMEMBER: Start = remember;

    extern "C" fn remember(count: c_int, arguments: *const *const c_char) {
        COUNT.store(count, Ordering::Relaxed);
        ARGUMENTS.store(arguments.cast_mut(), Ordering::Release);
    }

    /// Starts the runtime and returns at once; a call into Go waits until it runs. To be called once.
    pub(super) fn wake() {
        let arguments = ARGUMENTS.load(Ordering::Acquire);
        // SAFETY: the linker fills the section with the start of Go's runtime, which has this signature and gets what
        // glibc gives to every function of `.init_array`; that is at the bottom of the stack and stays there.
        unsafe { __start_roam_go_init(COUNT.load(Ordering::Relaxed), arguments) };
    }
}

/// Starts the Go side. `control` is its end of the control socket.
///
/// Call it once in the life of the process, from a thread that never ends: Go keeps that thread's signal stack in use,
/// and a thread that has been torn down has none.
pub(super) fn start(config: &CStr, control: OwnedFd) -> io::Result<()> {
    #[cfg(go_sleeps)]
    {
        static WOKEN: std::sync::Once = std::sync::Once::new();
        WOKEN.call_once(runtime::wake);
    }
    // SAFETY: `config` is NUL-terminated and lives over the call, in which Go copies it; the descriptor is open and its
    // ownership passes to Go here, by `into_raw_fd`.
    let code = unsafe { roam_tailnet_start(config.as_ptr(), control.into_raw_fd()) };
    match code {
        0 => Ok(()),
        code => Err(io::Error::other(format!("the embedded node refused to start (code {code})"))),
    }
}

/// Takes over a connection that Go handed across by number.
///
/// Non-blocking and close-on-exec are already set on it.
pub(super) fn adopt(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: Go opened this descriptor for us and let go of it before it sent the number; each number is sent once.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes the handler that is installed for `signal` run on the alternate signal stack.
///
/// Go's threads run goroutines on small stacks. A handler installed without `SA_ONSTACK` that lands on one of them
/// writes its frame over whatever lies below, and the process dies some hundred signals later. Tokio installs its
/// handlers without the flag, so call this after the first `tokio::signal::unix::signal` of each kind.
///
/// # Errors
/// When the signal does not exist or the system refuses.
pub fn run_handler_on_alternate_stack(signal: i32) -> io::Result<()> {
    // SAFETY: all-zero is a valid `sigaction`.
    let mut action: libc::sigaction = unsafe { zeroed() };
    // SAFETY: only reads the action in place into a struct of ours.
    check(unsafe { libc::sigaction(signal, null(), &raw mut action) })?;
    if matches!(action.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN) {
        return Ok(());
    }
    action.sa_flags |= libc::SA_ONSTACK;
    // SAFETY: installs again the very handler that was just read, with one flag more; every thread has an alternate
    // stack (Rust's and Go's runtimes give one to each thread they start).
    check(unsafe { libc::sigaction(signal, &raw const action, null_mut()) })
}

fn check(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(signal: i32) -> c_int {
        // SAFETY: as in `run_handler_on_alternate_stack`, reading only.
        unsafe {
            let mut action: libc::sigaction = zeroed();
            libc::sigaction(signal, null(), &raw mut action);
            action.sa_flags
        }
    }

    #[tokio::test]
    async fn a_tokio_handler_gets_the_flag_and_still_works() {
        use tokio::signal::unix::{SignalKind, signal};
        let kind = SignalKind::user_defined2();
        let mut stream = signal(kind).unwrap();
        assert_eq!(flags(libc::SIGUSR2) & libc::SA_ONSTACK, 0, "tokio sets the flag itself now: this module can go");
        run_handler_on_alternate_stack(libc::SIGUSR2).unwrap();
        assert_ne!(flags(libc::SIGUSR2) & libc::SA_ONSTACK, 0);
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::USR2).unwrap();
        stream.recv().await.unwrap();
    }

    #[test]
    fn a_signal_without_a_handler_is_left_alone() {
        run_handler_on_alternate_stack(libc::SIGWINCH).unwrap();
        assert_eq!(flags(libc::SIGWINCH) & libc::SA_ONSTACK, 0);
    }

    #[test]
    fn negative_descriptors_are_refused() {
        assert!(adopt(-1).is_err());
    }
}
