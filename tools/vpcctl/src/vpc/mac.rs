// SPDX-License-Identifier: GPL-2.0

//! MAC addresses.

use serde::Serialize;
use serde::Serializer;
use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Mac(pub(crate) [u8; 6]);

impl FromStr for Mac {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is no MAC address: 02:00:00:00:00:01 would be one");
        let mut mac = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut mac {
            let part = parts.next().ok_or_else(wrong)?;
            if part.len() != 2 || !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        match parts.next() {
            None => Ok(Self(mac)),
            Some(_) => Err(wrong()),
        }
    }
}

impl Mac {
    /// The address of a device of its own: no group has it, and it is not all zero.
    pub(crate) fn of_device(text: &str) -> Result<Self, String> {
        let mac = Self::from_str(text)?;
        match mac.0 {
            [0, 0, 0, 0, 0, 0] => Err(format!("{mac} is no address of a device")),
            [first, ..] if first & 1 != 0 => {
                Err(format!("{mac} is an address of a group, not of a device"))
            }
            _ => Ok(mac),
        }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_mac_is_refused() {
        assert_eq!(
            "02:00:00:00:0a:Ff".parse(),
            Ok(Mac([2, 0, 0, 0, 0x0a, 0xff]))
        );
        assert_eq!(
            "02-00-00-00-0a-ff".parse(),
            Ok(Mac([2, 0, 0, 0, 0x0a, 0xff]))
        );
        for text in [
            "",
            "02:00:00:00:0a",
            "02:00:00:00:0a:ff:00",
            "02:00:00:00:0a:f",
            "02:00:00:00:0a:+f",
            "020000000aff",
        ] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
        assert!(Mac::of_device("01:00:5e:00:00:01").is_err());
        assert!(Mac::of_device("00:00:00:00:00:00").is_err());
        assert!(Mac::of_device("02:00:00:00:00:01").is_ok());
    }
}
