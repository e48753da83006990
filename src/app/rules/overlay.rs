//! What was typed, above what is written.

use crate::cli::AccessFlags;
use crate::config::ConfigFile;

/// What was typed wins over the file, key by key. A flag switches something on and has no word for off, so it adds to what the
/// file switches on.
pub(super) fn overlay(file: &mut ConfigFile, flags: &AccessFlags) {
    let sources = &mut file.sources;
    if !flags.allow_ip.is_empty() {
        sources.allow.clone_from(&flags.allow_ip);
    }
    if !flags.trust_proxy.is_empty() {
        sources.trust_proxy.clone_from(&flags.trust_proxy);
    }
    if flags.openai_file.is_some() {
        sources.openai_file.clone_from(&flags.openai_file);
    }
    sources.anthropic |= flags.allow_anthropic;
    sources.openai |= flags.allow_openai;
    sources.tailscale |= flags.allow_tailscale;
    sources.local |= flags.allow_local;
    file.funnel.require_both |= flags.require_both;
    file.funnel.desktop_tools |= flags.funnel_desktop_tools;
    if flags.upload_root.is_some() {
        file.uploads.root.clone_from(&flags.upload_root);
    }
}
