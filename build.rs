//! Builds `vendor/libtailscale` (Go) into a C archive and tells cargo to link it. Without the feature `tailnet`: nothing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

/// Names the Go binary to use instead of the `go` found in `PATH`.
const GO_VARIABLE: &str = "ROAM_MCP_GO";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={GO_VARIABLE}");
    if reads_packed_relocations() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    if env::var_os("CARGO_FEATURE_TAILNET").is_none() {
        return;
    }
    watch_sources();
    let target_os = cargo_variable("CARGO_CFG_TARGET_OS");
    if cargo_variable("CARGO_CFG_TARGET_ENV") == "musl" {
        fail(
            "the feature `tailnet` does not run on musl: an archive of Go's needs what glibc gives to it at the start. Build \
             for a gnu target, such as x86_64-unknown-linux-gnu, or with --no-default-features.",
        );
    }
    let out = PathBuf::from(cargo_variable("OUT_DIR"));
    let archive = out.join("libroam_tailnet.a");
    build_archive(&archive, &target_os);
    println!("cargo::rustc-check-cfg=cfg(go_sleeps)");
    // Another machine's archive is one that this machine's objcopy leaves as it is, without a word.
    if is_for_this_machine()
        && target_os == "linux"
        && cargo_variable("CARGO_CFG_TARGET_ENV") == "gnu"
        && keep_asleep(&archive)
    {
        println!("cargo::rustc-cfg=go_sleeps");
    }

    println!("cargo::rustc-link-search=native={}", out.display());
    // `-bundle` keeps the 60 MB archive out of our own rlib; it is linked once, into each final binary.
    println!("cargo::rustc-link-lib=static:-bundle=roam_tailnet");
    if target_os == "macos" {
        for framework in ["CoreFoundation", "Security"] {
            println!("cargo::rustc-link-lib=framework={framework}");
        }
        println!("cargo::rustc-link-lib=dylib=resolv");
    }
}

/// Go's part is built again when something of it has changed that ends up in the archive, or in how it is compiled. A new file
/// shows by those that use it.
fn watch_sources() {
    for variable in ["CC", "CGO_CFLAGS", "CGO_LDFLAGS"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let sources = match std::fs::read_dir("vendor/libtailscale") {
        Ok(sources) => sources,
        Err(error) => fail(&format!("cannot read vendor/libtailscale: {error}")),
    };
    for name in sources.flatten().filter_map(|source| source.file_name().into_string().ok()) {
        let is_source = name.ends_with(".go") && !name.ends_with("_test.go");
        if is_source || ["go.mod", "go.sum", "tags"].contains(&name.as_str()) {
            println!("cargo::rerun-if-changed=vendor/libtailscale/{name}");
        }
    }
}

/// What of Go's and Tailscale's is left in and what is left out.
const TAGS: &str = include_str!("vendor/libtailscale/tags");

/// Runs `go build`. The flags are the same in every profile, or Go's build cache would not be shared between them.
fn build_archive(archive: &Path, target_os: &str) {
    let go = env::var_os(GO_VARIABLE).unwrap_or_else(|| "go".into());
    let built = Command::new(&go)
        .current_dir("vendor/libtailscale")
        .args(["build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-buildmode=c-archive"])
        .args(["-ldflags=-s -w", "-tags", TAGS.trim(), "-o"])
        .arg(archive)
        .arg(".")
        .env("CGO_ENABLED", "1")
        .env("GOOS", go_os(target_os))
        .env("GOARCH", go_arch(&cargo_variable("CARGO_CFG_TARGET_ARCH")))
        // The module is built as it is here, whatever lies above it.
        .env("GOWORK", "off")
        .env("GO111MODULE", "on")
        .env_remove("GOFLAGS")
        .output();
    match built {
        Ok(output) if output.status.success() => {}
        Ok(output) => fail(&format!(
            "`go build` of vendor/libtailscale failed ({}).\n{}\nIt needs a C compiler (gcc or clang) and the Go version \
             named in vendor/libtailscale/go.mod or a newer one: https://go.dev/dl. `make demo` and `make test` fetch \
             Go by themselves.",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end(),
        )),
        Err(error) => fail(&format!(
            "cannot run {} ({error}). The feature `tailnet` needs Go (see vendor/libtailscale/go.mod for the version): \
             install it from https://go.dev/dl or your package manager, or name it in {GO_VARIABLE}, or run \
             `make demo`, which fetches it. To build without a tailnet node: --no-default-features.",
            go.display(),
        )),
    }
}

/// Takes Go's start out of what the system runs before `main`, and puts it where `tailnet/ffi.rs` finds it: a command that
/// joins no tailnet runs without Go's threads and without its memory. Where that cannot be done Go starts with the program.
fn keep_asleep(archive: &Path) -> bool {
    let renamed = Command::new("objcopy").args(["--rename-section", ".init_array=roam_go_init"]).arg(archive).status();
    renamed.is_ok_and(|status| status.success())
}

/// Whether the system takes relocations as a bit map (DT_RELR). A program that may be loaded anywhere has 140,000 of them,
/// most of them Go's: 3.4 MB of the file, and as much of memory, for 40 kB.
fn reads_packed_relocations() -> bool {
    // glibc does so from 2.36 on. What is built on this machine is for machines like this one.
    if !is_for_this_machine() || !cargo_variable("TARGET").contains("-linux-gnu") {
        return false;
    }
    let Ok(told) = Command::new("getconf").arg("GNU_LIBC_VERSION").output() else { return false };
    let told = String::from_utf8_lossy(&told.stdout);
    let numbers = told.trim().strip_prefix("glibc ").and_then(|version| version.split_once('.'));
    let parsed = numbers.and_then(|(major, minor)| Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?)));
    parsed.is_some_and(|version| version >= (2, 36))
}

/// Whether what is built here is for machines like this one.
fn is_for_this_machine() -> bool {
    env::var_os("HOST") == env::var_os("TARGET")
}

fn go_os(target_os: &str) -> &str {
    match target_os {
        "linux" | "freebsd" => target_os,
        "macos" => "darwin",
        other => {
            fail(&format!("the feature `tailnet` does not support {other} yet; build with --no-default-features."))
        }
    }
}

fn go_arch(target_arch: &str) -> &str {
    match target_arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => {
            fail(&format!("the feature `tailnet` does not support {other} yet; build with --no-default-features."))
        }
    }
}

fn cargo_variable(name: &str) -> String {
    match env::var_os(name).map(|value| value.into_string()) {
        Some(Ok(value)) => value,
        _ => fail(&format!("cargo did not set {name}")),
    }
}

fn fail(message: &str) -> ! {
    for line in message.lines().filter(|line| !line.trim().is_empty()) {
        println!("cargo::error={line}");
    }
    exit(1);
}
