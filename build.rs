//! Builds `vendor/libtailscale` (Go) into a C archive and tells cargo to link it. Without the feature `tailnet`: nothing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

/// Names the Go binary to use instead of the `go` found in `PATH`.
const GO_VARIABLE: &str = "ROAM_MCP_GO";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={GO_VARIABLE}");
    if env::var_os("CARGO_FEATURE_TAILNET").is_none() {
        return;
    }
    println!("cargo::rerun-if-changed=vendor/libtailscale");
    let target_os = cargo_variable("CARGO_CFG_TARGET_OS");
    let out = PathBuf::from(cargo_variable("OUT_DIR"));
    build_archive(&out.join("libroam_tailnet.a"), &target_os);

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

/// Runs `go build`. The flags are the same in every profile, or Go's build cache would not be shared between them.
fn build_archive(archive: &Path, target_os: &str) {
    let go = env::var_os(GO_VARIABLE).unwrap_or_else(|| "go".into());
    let built = Command::new(&go)
        .current_dir("vendor/libtailscale")
        .args(["build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-buildmode=c-archive"])
        .args(["-ldflags=-s -w", "-tags=netgo,osusergo", "-o"])
        .arg(archive)
        .arg(".")
        .env("CGO_ENABLED", "1")
        .env("GOOS", go_os(target_os))
        .env("GOARCH", go_arch(&cargo_variable("CARGO_CFG_TARGET_ARCH")))
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
