//! The size of each static binary, for every target this toolchain can build.

use crate::{collection, dist};

/// Prints the table.
pub fn run() -> Result<(), String> {
    let modules = collection::modules()?;
    let musl = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let mut triples = vec![dist::host_triple()?];
    if dist::has_target(&musl) {
        triples.push(musl);
    } else {
        println!("{musl}: not in this toolchain (rustup target add {musl})");
    }
    triples.dedup();
    for triple in triples {
        let built = dist::build(&modules, &triple)?;
        println!("{triple}, bytes");
        for module in &modules {
            let path = built.join(module);
            let size =
                std::fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?.len();
            println!("  {module:<20} {size:>9}");
        }
    }
    Ok(())
}
