// SPDX-License-Identifier: GPL-2.0

//! Whether the kernel takes modules that its maker has not signed.

use super::super::finding::Finding;
use super::super::host::Host;
use super::super::host::Seen;

const SECURE_BOOT: &str =
    "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

pub(super) fn look(host: &Host) -> Seen<Vec<Finding>> {
    // Four bytes of attributes, then the value.
    let secure = host.bytes(SECURE_BOOT)?;
    let secure = secure.is_some_and(|bytes| bytes.get(4) == Some(&1));
    let lockdown = host
        .read("/sys/kernel/security/lockdown")?
        .unwrap_or_default();
    let locked = lockdown.contains("[integrity]") || lockdown.contains("[confidentiality]");
    let forced = host.read("/sys/module/module/parameters/sig_enforce")?;
    let forced = forced.is_some_and(|value| value.trim() == "Y");

    let mut reasons = Vec::new();
    for (is, reason) in [
        (secure, "Secure Boot"),
        (locked, "lockdown"),
        (forced, "module.sig_enforce"),
    ] {
        if is {
            reasons.push(reason);
        }
    }
    let found = reasons.join(", ");
    if !locked && !forced {
        return Ok(vec![match secure {
            true => Finding::note("host", format!("{found}, but nothing enforces signatures"))
                .why("A kernel that enforces them would refuse modules that are not signed."),
            false => Finding::ok("host", "modules need no signature"),
        }]);
    }
    let loaded = |name: &&str| host.exists(&format!("/sys/module/{name}"));
    if ["mq_gre", "tun_mq"].iter().all(loaded) {
        let found = format!("{found}; the modules are loaded all the same");
        return Ok(vec![Finding::ok("host", found)]);
    }
    Ok(vec![Finding::problem("host", found)
        .why("The kernel refuses modules that are not signed with a key it knows.")
        .advice(
            "Make a key, have the firmware know it (mokutil asks for a password, and for it again \
             at the next boot), and sign; DKMS does the last by itself, with the key in \
             /var/lib/dkms. Or switch Secure Boot off.",
        )
        .command(
            "openssl req -new -x509 -nodes -days 3650 -newkey rsa:2048 -subj /CN=lanes/ \
             -keyout MOK.key -outform DER -out MOK.der",
        )
        .command("mokutil --import MOK.der")
        .command(
            "/lib/modules/$(uname -r)/build/scripts/sign-file sha256 MOK.key MOK.der \
             $(modinfo -n mq_gre)",
        )])
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::super::super::made_up::MadeUp;
    use super::*;

    const LOCKDOWN: &str = "/sys/kernel/security/lockdown";
    const ENFORCE: &str = "/sys/module/module/parameters/sig_enforce";

    #[test]
    fn open() {
        MadeUp::new().one(look, Severity::Ok);
        let host = MadeUp::new()
            .file(SECURE_BOOT, "\u{6}\0\0\0\0")
            .file(LOCKDOWN, "[none] integrity confidentiality\n")
            .file(ENFORCE, "N\n");
        host.one(look, Severity::Ok);
    }

    #[test]
    fn secure_boot_alone() {
        let host = MadeUp::new().file(SECURE_BOOT, "\u{6}\0\0\0\u{1}");
        host.one(look, Severity::Note);
    }

    #[test]
    fn locked() {
        let host = MadeUp::new()
            .file(SECURE_BOOT, "\u{6}\0\0\0\u{1}")
            .file(LOCKDOWN, "none [integrity] confidentiality\n");
        let found = host.one(look, Severity::Problem);
        assert_eq!(found.found, "Secure Boot, lockdown");
        // Loaded they are signed.
        let host = host.dir("/sys/module/mq_gre").dir("/sys/module/tun_mq");
        host.one(look, Severity::Ok);
    }

    #[test]
    fn enforced() {
        let host = MadeUp::new().file(ENFORCE, "Y\n");
        host.one(look, Severity::Problem);
    }
}
