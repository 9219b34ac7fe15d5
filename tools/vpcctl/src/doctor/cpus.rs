// SPDX-License-Identifier: GPL-2.0

//! CPUs, in the two ways that the kernel writes sets of them.

use super::host::Host;
use super::host::Seen;

/// The CPUs in a list such as "0-3,8".
pub(crate) fn parse_list(text: &str) -> Vec<u32> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(from), Ok(to)) = (from.parse::<u32>(), to.parse::<u32>()) {
            cpus.extend(from..=to);
        }
    }
    cpus
}

/// Whether a mask such as "00000000,0000000f" has any CPU.
pub(crate) fn mask_has_any(text: &str) -> bool {
    text.trim()
        .chars()
        .any(|digit| digit != '0' && digit != ',')
}

/// The CPUs that run.
pub(crate) fn online(host: &Host) -> Seen<Vec<u32>> {
    let text = host.read("/sys/devices/system/cpu/online")?;
    Ok(parse_list(&text.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        assert_eq!(parse_list("0-2,8\n"), [0, 1, 2, 8]);
        assert_eq!(parse_list("5"), [5]);
        assert!(parse_list("\n").is_empty());
    }

    #[test]
    fn masks() {
        assert!(mask_has_any("00000000,0000000f\n"));
        assert!(!mask_has_any("00000000,00000000\n"));
    }
}
