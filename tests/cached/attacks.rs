//! Somebody else on the target wants a task to run their file. Each of their files would leave a mark.

use std::process::Stdio;

use crate::accounts::{self, HOME, LOGIN, OTHER, as_other};
use crate::world::{Ran, Way, World, shell, within};

const FACTS: &str = "iommu_facts";
const ROOTS: &str = "/var/lib/pci-passthrough/bin";
/// The attacker's file, which everyone may run, and what it leaves behind.
const EVIL: &str = "/var/tmp/pcipt-evil";
const MARK: &str = "/home/pcipt-other/mark";

/// The attacker's file, and the cache once filled, with the name of the copy in it.
fn prepare(world: &World) -> String {
    std::fs::write(EVIL, format!("#!/bin/sh\n: >{MARK}\necho '{{}}'\n")).expect("their file");
    shell(&format!("chown {OTHER} {EVIL}; chmod 755 {EVIL}"));
    shell(&format!("{EVIL}; test -e {MARK}; rm {MARK}"));
    facts(world, "the first run", &["--become"]);
    shell(&format!("cp {ROOTS}/* {HOME}/genuine"));
    shell(&format!("ls {ROOTS}")).trim().to_owned()
}

/// Runs a task as root; it must give the module's own facts, and the attacker's file must not have run.
#[track_caller]
fn facts(world: &World, what: &str, options: &[&str]) -> Ran {
    let root = world.host("debian-amd");
    let ran = world.task(Way::Cached, FACTS, &format!("root={}", root.display()), options);
    assert!(!std::path::Path::new(MARK).exists(), "{what}: their file ran");
    assert!(ran.text.contains("pci_passthrough"), "{what}: {}", ran.text);
    ran.succeeded()
}

/// A file in root's cache that is not root's own copy is replaced by it.
pub fn somebody_elses_file_is_not_run(version: &str) {
    within("cached::somebody_elses_file", version, |world| {
        let name = prepare(world);
        let attacks = [
            ("another owner", "cp -p EVIL FILE; chmod 700 FILE"),
            ("another owner, the right content", "cp GENUINE FILE; chown OTHER FILE; chmod 700 FILE"),
            ("writable by all", "chmod 777 FILE"),
            ("writable by the group", "chgrp OTHER FILE; chmod 770 FILE"),
            ("setuid", "chmod 4700 FILE"),
            ("a link to their file", "ln -sf EVIL FILE"),
            ("a link to nothing", "ln -sf /nonexistent FILE"),
            ("a hard link to their file", "ln -f EVIL FILE"),
            ("a second name for the copy", "ln FILE /var/lib/second"),
            ("other content", "cat EVIL >FILE"),
            ("half of the content", "truncate -s 1000 FILE"),
            ("one byte more", "printf x >>FILE"),
            ("a pipe", "rm FILE; mkfifo -m 700 FILE"),
            ("nothing", "rm FILE"),
        ];
        for (what, attack) in attacks {
            let file = format!("{ROOTS}/{name}");
            let script = attack
                .replace("EVIL", EVIL)
                .replace("OTHER", OTHER)
                .replace("FILE", &file)
                .replace("GENUINE", &format!("{HOME}/genuine"));
            shell(&script);
            facts(world, what, &["--become"]);
            shell("rm -f /var/lib/second");
            let state = shell(&format!("stat -c '%U %a %F' {file}; cmp {file} {HOME}/genuine && echo same"));
            assert_eq!(state, "root 700 regular file\nsame\n", "{what}: the copy was not replaced");
            assert_eq!(shell(&format!("ls -A {ROOTS}")).trim(), name, "{what}: more than the copy is left");
        }
    });
}

/// A folder that others can write to, and one above it, is left alone: neither run from nor written to.
pub fn somebody_elses_folder_is_not_used(version: &str) {
    within("cached::somebody_elses_folder", version, |world| {
        let name = prepare(world);
        let attacks = [
            ("the folder is theirs", "chown OTHER DIR; cp EVIL DIR/NAME"),
            ("the folder is open to all", "chmod 777 DIR; cp -p EVIL DIR/NAME"),
            ("the folder is open to all and sticky", "chmod 1777 DIR; cp -p EVIL DIR/NAME"),
            ("the folder is open to their group", "chgrp OTHER DIR; chmod 770 DIR; cp -p EVIL DIR/NAME"),
            ("the folder above is theirs", "chown OTHER UP; cp EVIL DIR/NAME"),
            ("the folder above is open to their group", "chgrp OTHER UP; chmod 775 UP"),
            ("the folder is a link to theirs", "rm -r DIR; ln -s THEIRS DIR"),
            (
                "the folder above is a link to theirs",
                "rm -r UP; mkdir THEIRS/bin; mv THEIRS/NAME THEIRS/bin; ln -s THEIRS UP",
            ),
            (
                "a link into their home to a folder of root",
                "rm -r DIR; install -d -m 700 THEIRS/roots; ln -s THEIRS/roots DIR",
            ),
        ];
        for (what, attack) in attacks {
            shell(&format!(
                "rm -rf /var/lib/pci-passthrough /home/{OTHER}/dir; install -d -m 755 /var/lib/pci-passthrough
                 install -d -m 700 {ROOTS}; install -m 700 {HOME}/genuine {ROOTS}/{name}
                 install -d -o {OTHER} /home/{OTHER}/dir; install -m 755 -o {OTHER} {EVIL} /home/{OTHER}/dir/{name}"
            ));
            let script = attack
                .replace("THEIRS", &format!("/home/{OTHER}/dir"))
                .replace("EVIL", EVIL)
                .replace("OTHER", OTHER)
                .replace("NAME", &name)
                .replace("DIR", ROOTS)
                .replace("UP", "/var/lib/pci-passthrough");
            shell(&script);
            let look = format!(
                "cd /var/lib; find pci-passthrough/ /home/{OTHER}/dir -printf '%p %i %U %m %s %T@\\n' | sort"
            );
            let before = shell(&look);
            facts(world, what, &["--become"]);
            assert_eq!(shell(&look), before, "{what}: something was written there");
        }
        // The same for a user without rights: their home is open to somebody's group.
        shell(&format!("rm -rf /var/lib/pci-passthrough; chgrp {OTHER} {HOME}; chmod 775 {HOME}"));
        facts(world, "a home that is open to a group", &[]);
        assert_eq!(shell(&format!("ls -A {HOME}/.cache 2>/dev/null || true")), "");
    });
}

/// The attacker swaps the folder while tasks run: theirs for the genuine one, as fast as they can.
pub fn a_race_is_not_won(version: &str) {
    within("cached::race", version, |world| {
        let name = prepare(world);
        // It takes a fault of the host to come this far: the folder above is theirs.
        shell(&format!(
            "cd /var/lib/pci-passthrough; chown {OTHER} .; install -d -m 700 -o {OTHER} theirs
             install -m 700 -o {OTHER} {EVIL} theirs/{name}"
        ));
        let swap = "cd /var/lib/pci-passthrough; n=0; while :; do mv bin own; mv theirs bin; mv bin theirs; mv own bin; \
                    n=$((n + 1)); echo $n; done";
        let mut swapping =
            as_other(swap).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("runuser");
        let root = world.host("debian-amd");
        let book = format!(
            "- hosts: target\n  gather_facts: false\n  become: true\n  tasks:\n    - pci.passthrough.iommu_facts:\n        \
             root: {}\n      loop: '{{{{ range(12) | list }}}}'\n      register: all\n    - ansible.builtin.assert:\n        \
             that: all.results | selectattr('ansible_facts.pci_passthrough', 'defined') | length == 12\n",
            root.display()
        );
        let ran = world.play(Way::Cached, &book, &[]);
        shell(&format!("pkill -KILL -U {OTHER}; true"));
        let _ = swapping.kill();
        let output = swapping.wait_with_output().expect("it was started");
        let turns = output.stdout.iter().filter(|byte| **byte == b'\n').count();
        assert!(turns > 100, "the attacker swapped only {turns} times");
        ran.succeeded();
        assert!(!std::path::Path::new(MARK).exists(), "their file ran");
    });
}

/// Another file takes the name of the copy as soon as that was verified: the one that was verified runs.
pub fn what_was_verified_is_what_runs(version: &str) {
    within("cached::swapped_once_verified", version, |world| {
        let name = prepare(world);
        let (genuine, swapping) = (world.path("genuine-sha256sum"), world.path("sha256sum"));
        let file = format!("{ROOTS}/{name}");
        let script = format!(
            "#!/bin/sh\n{} \"$@\"\ninstall -m 700 {EVIL} {file}.new; mv {file}.new {file}\n",
            genuine.display()
        );
        std::fs::write(&swapping, script).expect("a sha256sum that swaps the file when it is done");
        let (genuine, swapping) = (genuine.display(), swapping.display());
        shell(&format!(
            "cp /usr/bin/sha256sum {genuine}; chmod 755 {swapping}; mount --bind {swapping} /usr/bin/sha256sum"
        ));
        let ran = facts(world, "swapped once verified", &["--become"]);
        assert_eq!(ran.channels, ["command"], "nothing else was run: {}", ran.text);
        assert_eq!(shell(&format!("cmp {EVIL} {file} && echo theirs")), "theirs\n", "it was swapped");
    });
}

/// sudo that keeps `$HOME` leads root nowhere.
pub fn a_home_that_sudo_kept_is_not_roots(version: &str) {
    within("cached::kept_home", version, |world| {
        let name = prepare(world);
        accounts::sudo(&format!("Defaults:{LOGIN} !always_set_home, !set_home, env_keep += HOME"));
        shell(&format!(
            "rm -rf /var/lib/pci-passthrough; dir={HOME}/.cache/pci-passthrough/bin; install -d -m 700 -o {LOGIN} \
             {HOME}/.cache {HOME}/.cache/pci-passthrough $dir; install -m 700 -o {LOGIN} {EVIL} $dir/{name}"
        ));
        let kept = ["--become", "--extra-vars={\"ansible_become_flags\": \"-S -n\"}"];
        let home = world.play(
            Way::Cached,
            "- hosts: target\n  gather_facts: false\n  tasks:\n    - ansible.builtin.raw: 'echo at=$HOME; id -u'\n",
            &[&kept[..], &["-v"]].concat(),
        );
        assert!(home.text.contains(&format!("at={HOME}")), "sudo keeps no home here: {}", home.text);
        facts(world, "root", &kept);
        assert_eq!(shell(&format!("ls {ROOTS}")).trim(), name, "root's own cache");
        // For somebody else it is not theirs, and they get none.
        let ran = world.task(
            Way::Cached,
            FACTS,
            &format!("root={}", world.host("debian-amd").display()),
            &[&kept[..], &["--become-user", OTHER, "-vvv"]].concat(),
        );
        assert!(ran.text.contains("the ordinary way: the user owns no home"), "{}", ran.text);
        assert!(!std::path::Path::new(MARK).exists(), "their file ran");
    });
}
