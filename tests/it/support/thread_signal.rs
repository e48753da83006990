//! Signals for one thread of another process.

/// Sends `signal` to the thread `tid` of the process `pid`. A thread that has ended meanwhile gets nothing.
pub(crate) fn tgkill(pid: u32, tid: u32, signal: i32) {
    // SAFETY: takes three numbers and touches no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, signal) };
    let gone = std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH);
    assert!(result == 0 || gone, "{}", std::io::Error::last_os_error());
}
