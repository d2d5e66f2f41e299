//! The report of a check run on the sample hosts: what would change, on one page.

use crate::demo::{Demo, print_indented};
use crate::paths;

impl Demo {
    /// Runs the role in check mode with the callback plugin enabled. Needs the inventory of [`Demo::sample_hosts`].
    pub fn report(&mut self) -> Result<(), String> {
        println!("\n== 6. What the role would change on both, as one page");
        let mut ansible = self.command("ansible-playbook");
        ansible
            .env("ANSIBLE_CALLBACKS_ENABLED", "pci.passthrough.diff_report")
            .env("PCI_PASSTHROUGH_REPORT_DIRECTORY", &self.dir)
            .arg("--inventory")
            .arg(self.dir.join("inventory.yml"))
            .args(["--check", "--diff"])
            .arg(self.dir.join("sample-hosts.yml"));
        let done = self.show("report", ansible)?.text;
        print_indented(done.find("DIFF REPORT").and_then(|at| done.get(at..)).unwrap_or(&done));
        let page = self.dir.join("report.html");
        let whole =
            paths::read(&page).is_ok_and(|page| page.ends_with(b"</html>\n") || page.ends_with(b"</html>"));
        self.check(whole, &format!("{} opens in any browser", paths::shown(&page)));
        Ok(())
    }
}
