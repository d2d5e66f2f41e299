//! The size of each static binary, linked against glibc and against musl.

use std::path::Path;

use crate::collection;
use crate::toolchain::Toolchain;

/// Prints the table.
pub fn run() -> Result<(), String> {
    let modules = collection::modules()?;
    let gnu = Toolchain::StaticGnu.build(&modules)?;
    let musl = Toolchain::musl().and_then(|toolchain| Ok((toolchain, toolchain.build(&modules)?)));
    println!("bytes of each static binary");
    println!(
        "  {:<20} {:>12} {:>12}",
        "",
        Toolchain::StaticGnu.name(),
        musl.as_ref().map_or("musl", |m| m.0.name())
    );
    for module in &modules {
        let small = match &musl {
            Ok((_, built)) => size(&built.join(module))?.to_string(),
            Err(_) => "not built".to_owned(),
        };
        println!("  {module:<20} {:>12} {small:>12}", size(&gnu.join(module))?);
    }
    if let Err(reason) = musl {
        println!("musl: not built ({reason})");
    }
    Ok(())
}

fn size(path: &Path) -> Result<u64, String> {
    let meta = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(meta.len())
}
