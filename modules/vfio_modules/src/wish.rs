//! Which modules the task is about, given what the installed kernels have.

use host::kernels::{ModuleState, is_module_name, same_module};
use protocol::Failure;

use crate::State;
use crate::observe::KernelModules;

/// What every host needs.
const DEFAULT: [&str; 3] = ["vfio", "vfio_iommu_type1", "vfio_pci"];
/// A part of `vfio` since Linux 6.2; as a module of its own it is listed where every kernel has it.
const VIRQFD: &str = "vfio_virqfd";

/// The names that were given, each once. One word of letters, digits, `-` and `_` each: anything else
/// would be another line, a comment, or arguments, which systemd takes for a part of the name.
pub fn given(modules: &[String]) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = Vec::new();
    for module in modules {
        if !is_module_name(module) {
            let module: String = module.chars().take(60).collect();
            let msg = format!(
                "option modules: {module:?} is no module's name; give letters, digits, - and _ alone. Options of a \
                 module belong into a modprobe.d file"
            );
            return Err(Failure::coded("invalid_value", msg));
        }
        if !names.iter().any(|name| same_module(name, module)) {
            names.push(module.clone());
        }
    }
    Ok(names)
}

/// The modules to list where the user names none.
pub fn default(state: State, kernels: &[KernelModules]) -> Vec<String> {
    let in_every = |name: &str| {
        !kernels.is_empty() && kernels.iter().all(|k| k.state(name) == Some(ModuleState::Loadable))
    };
    let mut names: Vec<&str> = DEFAULT.to_vec();
    match state {
        State::Absent => names.push(VIRQFD),
        State::Present => {
            names.retain(|name| !is_nowhere(name, kernels));
            if in_every(VIRQFD) {
                names.push(VIRQFD);
            }
        }
    }
    names.into_iter().map(str::to_string).collect()
}

/// The modules of the default that no installed kernel has.
pub fn left_out(kernels: &[KernelModules]) -> Vec<&'static str> {
    DEFAULT.into_iter().filter(|name| is_nowhere(name, kernels)).collect()
}

/// Whether kernels are known and none of them has the module.
pub fn is_nowhere(name: &str, kernels: &[KernelModules]) -> bool {
    !kernels.is_empty() && kernels.iter().all(|kernel| kernel.state(name) == Some(ModuleState::Missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ModuleState::{Builtin, Loadable, Missing};

    fn kernel(states: &[(&str, ModuleState)]) -> KernelModules {
        let states = states.iter().map(|(name, state)| (name.to_string(), *state)).collect();
        KernelModules { release: "x".into(), states: Some(states) }
    }

    #[test]
    fn virqfd_only_where_every_kernel_has_it() {
        let vfio = [("vfio", Loadable), ("vfio_iommu_type1", Builtin), ("vfio_pci", Loadable)];
        let old = kernel(&[&vfio[..], &[("vfio_virqfd", Loadable)]].concat());
        let new = kernel(&[&vfio[..], &[("vfio_virqfd", Missing)]].concat());
        let builtin = kernel(&[&vfio[..], &[("vfio_virqfd", Builtin)]].concat());
        let names = |kernels: &[KernelModules]| default(State::Present, kernels).join(" ");
        assert_eq!(names(&[]), "vfio vfio_iommu_type1 vfio_pci");
        assert_eq!(names(std::slice::from_ref(&old)), "vfio vfio_iommu_type1 vfio_pci vfio_virqfd");
        assert_eq!(names(&[old.clone(), new.clone()]), "vfio vfio_iommu_type1 vfio_pci");
        assert_eq!(names(&[old, builtin]), "vfio vfio_iommu_type1 vfio_pci");
        assert_eq!(default(State::Absent, &[new]).len(), 4, "whoever listed it");
    }

    #[test]
    fn a_default_that_no_kernel_has_is_left_out() {
        let bare = kernel(&[("vfio", Missing), ("vfio_iommu_type1", Missing), ("vfio_pci", Missing)]);
        let unknown = KernelModules { release: "y".into(), states: None };
        assert_eq!(default(State::Present, std::slice::from_ref(&bare)), [""; 0]);
        assert_eq!(left_out(std::slice::from_ref(&bare)).len(), 3);
        assert_eq!(default(State::Present, &[bare, unknown]).len(), 3, "what is not known is not missing");
    }

    #[test]
    fn names_are_words() {
        let names = |list: &[&str]| given(&list.iter().map(|s| s.to_string()).collect::<Vec<_>>());
        assert_eq!(names(&["vfio-pci", "vfio_pci", "kvmgt"]).unwrap(), ["vfio-pci", "kvmgt"]);
        for bad in ["", "vfio pci", "vfio\n", "#x", "vfio.ko", "../x", "vfio_pci ids=1:2", "ä"] {
            assert_eq!(names(&[bad]).unwrap_err().code, Some("invalid_value"), "{bad:?}");
        }
    }
}
