//! `gather_subset` and `filter`, as in `ansible.builtin.setup`.

use config_text::modprobe_d::glob;
use protocol::Failure;

/// A part of the facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subset {
    Bootloader,
    Cpu,
    Devices,
    Firmware,
    Groups,
    Iommu,
    Kernel,
    Verdict,
    Vfio,
}

use Subset::{Bootloader, Cpu, Devices, Firmware, Groups, Iommu, Kernel, Verdict, Vfio};

const ALL: [Subset; 9] = [Bootloader, Cpu, Devices, Firmware, Groups, Iommu, Kernel, Verdict, Vfio];
const MIN: [Subset; 6] = [Bootloader, Cpu, Firmware, Iommu, Kernel, Verdict];

impl Subset {
    /// The name in `gather_subset` and of the part in the facts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Bootloader => "bootloader",
            Cpu => "cpu",
            Devices => "devices",
            Firmware => "firmware",
            Groups => "groups",
            Iommu => "iommu",
            Kernel => "kernel",
            Verdict => "verdict",
            Vfio => "vfio",
        }
    }

    fn named(name: &str) -> Option<Subset> {
        ALL.into_iter().find(|subset| subset.name() == name)
    }
}

/// The parts to gather. The minimum comes first; exclusions win over what `all` and `min` brought,
/// but not over a part that is named itself. Nothing but exclusions means all the rest.
pub(crate) fn chosen(given: &[String]) -> Result<Vec<Subset>, Failure> {
    let mut wanted = MIN.to_vec();
    let mut named = Vec::new();
    let mut excluded = Vec::new();
    if given.iter().all(|word| word.strip_prefix('!').is_some_and(|name| Subset::named(name).is_some())) {
        wanted.extend(ALL);
    }
    for word in given {
        match word.as_str() {
            "all" => wanted.extend(ALL),
            "min" => {}
            "!all" => excluded.extend(ALL.into_iter().filter(|subset| !MIN.contains(subset))),
            "!min" => excluded.extend(MIN),
            word => {
                let (name, set) = match word.strip_prefix('!') {
                    Some(name) => (name, &mut excluded),
                    None => (word, &mut named),
                };
                let subset = Subset::named(name).ok_or_else(|| unknown(name))?;
                set.push(subset);
            }
        }
    }
    let chosen =
        |subset: &Subset| named.contains(subset) || (wanted.contains(subset) && !excluded.contains(subset));
    Ok(ALL.into_iter().filter(chosen).collect())
}

fn unknown(name: &str) -> Failure {
    let known: Vec<&str> = ALL.into_iter().map(Subset::name).collect();
    Failure::new(format!(
        "gather_subset: there is no '{name}'; use all, min, {}, or one with ! before it",
        known.join(", ")
    ))
}

/// Whether a part's name matches one of the wildcards.
pub(crate) fn passes(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| glob::matches(pattern.as_bytes(), name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(given: &[&str]) -> String {
        let given: Vec<String> = given.iter().map(|word| word.to_string()).collect();
        match chosen(&given) {
            Ok(subsets) => subsets.into_iter().map(Subset::name).collect::<Vec<_>>().join(" "),
            Err(failure) => failure.into_parts().msg,
        }
    }

    #[test]
    fn subsets() {
        let all = "bootloader cpu devices firmware groups iommu kernel verdict vfio";
        let min = "bootloader cpu firmware iommu kernel verdict";
        for (given, expected) in [
            (&["all"][..], all),
            (&[], all),
            (&["min"], min),
            (&["!all"], min),
            (&["all", "!min"], "devices groups vfio"),
            (&["!devices"], "bootloader cpu firmware groups iommu kernel verdict vfio"),
            (&["devices"], "bootloader cpu devices firmware iommu kernel verdict"),
            (&["!all", "!min", "devices"], "devices"),
            (&["!all", "!min"], ""),
            (&["!cpu", "cpu", "!all"], min),
        ] {
            assert_eq!(names(given), expected, "{given:?}");
        }
        assert!(
            names(&["hardware"])
                .starts_with("gather_subset: there is no 'hardware'; use all, min, bootloader,")
        );
        assert!(names(&["!hardware"]).contains("no 'hardware'"));
    }

    #[test]
    fn filters() {
        let patterns = ["*o*".to_string(), "[ck]pu".to_string()];
        let passed: Vec<&str> =
            ALL.into_iter().map(Subset::name).filter(|name| passes(&patterns, name)).collect();
        assert_eq!(passed, ["bootloader", "cpu", "groups", "iommu", "vfio"]);
    }
}
