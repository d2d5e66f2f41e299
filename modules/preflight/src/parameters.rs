//! What the parameters on a command line mean for the IOMMU (the kernel's
//! Documentation/admin-guide/kernel-parameters.txt).

use crate::evidence::Vendor;

/// The values of a parameter, in order, comma lists split. `-` and `_` are equal in keys.
fn values<'a>(tokens: &'a [String], key: &'a str) -> impl DoubleEndedIterator<Item = &'a str> {
    tokens
        .iter()
        .filter_map(|token| token.split_once('='))
        .filter(move |(k, _)| k.replace('-', "_") == key)
        .flat_map(|(_, value)| value.split(','))
}

/// The token that switches the vendor's IOMMU off, if the last word is off.
pub(crate) fn disabled(vendor: Option<Vendor>, tokens: &[String]) -> Option<String> {
    let own = |key: &str| {
        let last = values(tokens, key).rfind(|v| matches!(*v, "on" | "off"));
        (last == Some("off")).then(|| format!("{key}=off"))
    };
    let vendors_own = match vendor {
        Some(Vendor::Intel) => own("intel_iommu"),
        Some(Vendor::Amd) => {
            values(tokens, "amd_iommu").any(|v| v == "off").then(|| "amd_iommu=off".to_string())
        }
        _ => None,
    };
    // iommu=off is x86's switch for every vendor; nothing switches it back on.
    let all = || {
        let x86 = vendor != Some(Vendor::Arm);
        (x86 && values(tokens, "iommu").any(|v| v == "off")).then(|| "iommu=off".to_string())
    };
    vendors_own.or_else(all)
}

/// Whether `intel_iommu=on` is there, alone or in a comma list.
pub(crate) fn switched_on(tokens: &[String]) -> bool {
    values(tokens, "intel_iommu").any(|v| v == "on")
}

/// A parameter for another vendor's IOMMU.
pub(crate) fn wrong_vendor(vendor: Vendor, tokens: &[String]) -> Option<String> {
    let wrong: &[&str] = match vendor {
        Vendor::Intel => &["amd_iommu"],
        Vendor::Amd => &["intel_iommu"],
        Vendor::Arm => &["intel_iommu", "amd_iommu"],
    };
    let is_wrong = |token: &&String| {
        let key = token.split('=').next().unwrap_or_default().replace('-', "_");
        wrong.contains(&key.as_str())
    };
    tokens.iter().find(is_wrong).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_switches_the_iommu_off() {
        use Vendor::{Amd, Arm, Intel};
        for (vendor, line, expected) in [
            (Intel, "intel_iommu=off", Some("intel_iommu=off")),
            (Intel, "intel_iommu=off intel_iommu=igfx_off intel_iommu=on", None),
            (Intel, "intel-iommu=on,sm_on,off", Some("intel_iommu=off")),
            (Intel, "intel_iommu=on iommu=off", Some("iommu=off")),
            (Intel, "iommu=pt,off", Some("iommu=off")),
            (Intel, "amd_iommu=off", None),
            (Amd, "amd_iommu=off amd_iommu=fullflush", Some("amd_iommu=off")),
            (Amd, "intel_iommu=off", None),
            (Arm, "iommu=off", None),
            (Intel, "intel_iommu intel_iommu=", None),
        ] {
            let tokens: Vec<String> = line.split(' ').map(str::to_string).collect();
            assert_eq!(disabled(Some(vendor), &tokens).as_deref(), expected, "{line}");
        }
    }
}
