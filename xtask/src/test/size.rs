//! No module outgrows what a task may send to its target.

use crate::collection;
use crate::test::Outcome;
use crate::toolchain::Toolchain;

/// The most bytes a module may have, built for size; vfio_bind is the largest.
const MAX_BYTES: u64 = 550_000;

/// Adds the size of each staged binary to what is proven, where they are built for size. Elsewhere it is not
/// measured, which is no failure even where everything must run: glibc and a ready-made standard library are
/// as large as they are.
pub fn small_enough(mut outcome: Outcome) -> Outcome {
    if let Some(reason) = Toolchain::DebianMusl(std::env::consts::ARCH).missing() {
        outcome.not_run.push(("size of the modules".to_owned(), reason));
        return outcome;
    }
    match sizes() {
        Ok(sizes) => {
            for (name, bytes) in sizes {
                if bytes <= MAX_BYTES {
                    outcome.passed += 1;
                } else {
                    outcome.failed += 1;
                    outcome
                        .detail
                        .push_str(&format!("{name} has {bytes} bytes, at most {MAX_BYTES} are allowed\n"));
                }
            }
        }
        Err(error) => {
            outcome.failed += 1;
            outcome.detail.push_str(&error);
        }
    }
    outcome
}

fn sizes() -> Result<Vec<(String, u64)>, String> {
    let dir = collection::binaries_dir();
    let size = |name: String| {
        let path = dir.join(&name);
        let meta = std::fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((name, meta.len()))
    };
    collection::modules()?.into_iter().map(size).collect()
}
