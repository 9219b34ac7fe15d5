// SPDX-License-Identifier: GPL-2.0

//! The command line, and the commands that a running stand-in takes.

use anyhow::bail;
use anyhow::Context;
use clap::Args;
use clap::Parser;
use clap::Subcommand;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Plays a guest on a multiqueue tap.
#[derive(Parser, Debug)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) sub: Option<Sub>,
    #[command(flatten)]
    pub(crate) guest: Option<GuestArgs>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Sub {
    /// Sends a command to a running stand-in and prints its answer.
    ///
    /// Waits up to 10 seconds for the socket to appear.
    Ctl {
        /// What --control was given.
        socket: PathBuf,
        /// send, ping, hostile, stats, wait, reset or quit, with its options.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

#[derive(Args, Clone, Debug)]
pub(crate) struct GuestArgs {
    /// The tap; made if it is not there.
    #[arg(long, value_name = "NAME")]
    pub(crate) tap: String,
    /// Queues to attach.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) queues: u16,
    /// MAC address of the guest.
    #[arg(long)]
    pub(crate) mac: Mac,
    /// An address of the guest, such as 10.9.0.1/24 or fd00:9::1/64; may be repeated.
    #[arg(long, value_name = "ADDR/LEN")]
    pub(crate) ip: Vec<Net>,
    /// Number in the stamps that tells senders apart [default: last byte of the MAC address].
    #[arg(long, value_name = "N")]
    pub(crate) id: Option<u16>,
    /// Number of the tenant whose tag all stamped frames, pings and hostile frames carry.
    #[arg(long, value_name = "N")]
    pub(crate) tenant: Option<u32>,
    /// Set the tap up.
    #[arg(long)]
    pub(crate) up: bool,
    /// Virtio headers, checksum and TCP segmentation offload on the tap.
    #[arg(long)]
    pub(crate) vnet_hdr: bool,
    /// Take commands on this Unix socket.
    #[arg(long, value_name = "SOCKET")]
    pub(crate) control: Option<PathBuf>,
    /// Take commands from standard input; its end means quit.
    #[arg(long)]
    pub(crate) stdin: bool,
    /// Run a command once started; may be repeated.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) run: Vec<String>,
    /// Write the last report there, "-" for standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Quit after this time.
    #[arg(long = "for", value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
}

/// One line of control.
#[derive(Parser, Debug)]
#[command(name = "command", no_binary_name = true, disable_help_flag = true)]
pub(crate) struct Line {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Send stamped UDP frames.
    Send(Send),
    /// Send echo requests and wait for the replies.
    Ping(Ping),
    /// Send frames that are out for harm.
    Hostile(Hostile),
    /// Report the counters.
    Stats,
    /// Wait for stamped frames to arrive.
    Wait(Wait),
    /// Set all counters to zero.
    Reset,
    /// End the program.
    Quit,
}

#[derive(Args, Debug)]
pub(crate) struct Send {
    /// Receiver: IP, MAC or IP@MAC.
    #[arg(long)]
    pub(crate) to: Target,
    /// Queues to send on, all at once.
    #[arg(long, default_value = "all")]
    pub(crate) queue: Queues,
    /// Frames per queue.
    #[arg(long, default_value_t = 64)]
    pub(crate) count: u32,
    /// Bytes per frame, without FCS.
    #[arg(long, default_value_t = 100)]
    pub(crate) size: usize,
    /// Frames per second and queue; 0 is no limit.
    #[arg(long, default_value_t = 1000)]
    pub(crate) rate: u32,
    /// Source ports to spread the frames over.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=16384))]
    pub(crate) flows: u16,
}

#[derive(Args, Debug)]
pub(crate) struct Ping {
    /// Receiver: IP or IP@MAC.
    #[arg(long)]
    pub(crate) to: Target,
    /// Queue to send on.
    #[arg(long, default_value_t = 0)]
    pub(crate) queue: u16,
    /// Requests to send.
    #[arg(long, default_value_t = 3)]
    pub(crate) count: u16,
    /// Bytes of data per request.
    #[arg(long, default_value_t = 56)]
    pub(crate) size: usize,
    /// Seconds to wait for each reply.
    #[arg(long, default_value_t = 10)]
    pub(crate) timeout: u64,
}

#[derive(Args, Debug)]
pub(crate) struct Hostile {
    /// Somebody to harm, as IP@MAC; may be repeated.
    #[arg(long)]
    pub(crate) to: Vec<Target>,
    /// Outer address of a host; may be repeated.
    #[arg(long, value_name = "IP")]
    pub(crate) host: Vec<IpAddr>,
    /// GRE key that somebody has; may be repeated.
    #[arg(long)]
    pub(crate) key: Vec<u32>,
    /// Queues to send on, all at once.
    #[arg(long, default_value = "all")]
    pub(crate) queue: Queues,
    /// Frames per queue.
    #[arg(long, default_value_t = 1000)]
    pub(crate) count: u32,
    /// Which frames.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Frames at the beginning that are not sent.
    #[arg(long, default_value_t = 0)]
    pub(crate) skip: u32,
    /// Frames per second and queue; 0 is no limit.
    #[arg(long, default_value_t = 0)]
    pub(crate) rate: u32,
}

#[derive(Args, Debug)]
pub(crate) struct Wait {
    /// Stamped frames, counted since the start or the last reset.
    #[arg(long)]
    pub(crate) frames: u64,
    /// Seconds to wait.
    #[arg(long, default_value_t = 60)]
    pub(crate) timeout: u64,
}

/// A MAC address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mac(pub(crate) [u8; 6]);

impl FromStr for Mac {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let bytes = text
            .split(':')
            .map(|byte| u8::from_str_radix(byte, 16))
            .collect::<Result<Vec<u8>, _>>()
            .ok()
            .and_then(|bytes| bytes.try_into().ok());
        match bytes {
            Some(bytes) => Ok(Mac(bytes)),
            None => bail!("a MAC address looks like 02:00:00:00:00:0a"),
        }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// An address with the length of its network's prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Net {
    pub(crate) addr: IpAddr,
    pub(crate) len: u8,
}

impl FromStr for Net {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (addr, len) = text
            .split_once('/')
            .context("an address needs its prefix length, as in 10.9.0.1/24")?;
        let addr: IpAddr = addr.parse()?;
        let len: u8 = len.parse()?;
        let longest = if addr.is_ipv4() { 32 } else { 128 };
        if len > longest {
            bail!("a prefix of this family has at most {longest} bits");
        }
        Ok(Net { addr, len })
    }
}

impl Net {
    /// Whether `addr` is in the same network.
    pub(crate) fn contains(&self, addr: IpAddr) -> bool {
        let differing = match (self.addr, addr) {
            (IpAddr::V4(a), IpAddr::V4(b)) => u128::from(a.to_bits() ^ b.to_bits()) << 96,
            (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() ^ b.to_bits(),
            _ => return false,
        };
        differing.leading_zeros() >= u32::from(self.len)
    }
}

/// Where to send to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Target {
    pub(crate) ip: Option<IpAddr>,
    pub(crate) mac: Option<Mac>,
}

impl FromStr for Target {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if let Some((ip, mac)) = text.split_once('@') {
            let (ip, mac) = (ip.parse()?, mac.parse()?);
            return Ok(Target {
                ip: Some(ip),
                mac: Some(mac),
            });
        }
        if let Ok(ip) = text.parse() {
            return Ok(Target {
                ip: Some(ip),
                mac: None,
            });
        }
        match text.parse() {
            Ok(mac) => Ok(Target {
                ip: None,
                mac: Some(mac),
            }),
            Err(_) => bail!("not an IP address, a MAC address or IP@MAC"),
        }
    }
}

/// Which queues to send on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Queues {
    All,
    These(Vec<u16>),
}

impl FromStr for Queues {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if text == "all" {
            return Ok(Queues::All);
        }
        let queues: Vec<u16> = text
            .split(',')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .context("queues look like 0 or 0,2 or all")?;
        if (1..queues.len()).any(|i| queues[..i].contains(&queues[i])) {
            bail!("a queue is named twice");
        }
        Ok(Queues::These(queues))
    }
}

impl Queues {
    /// The queues meant, of a tap that has `n`.
    pub(crate) fn resolve(&self, n: u16) -> anyhow::Result<Vec<u16>> {
        match self {
            Queues::All => Ok((0..n).collect()),
            Queues::These(queues) => match queues.iter().find(|queue| **queue >= n) {
                Some(queue) => bail!("there is no queue {queue}, only 0 to {}", n - 1),
                None => Ok(queues.clone()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
        Line::command().debug_assert();
    }

    #[test]
    fn targets() {
        let ip = "10.0.0.1".parse().ok();
        let mac = Mac([2, 0, 0, 0, 0, 1]);
        let target = |text: &str| text.parse::<Target>().ok();
        assert_eq!(target("10.0.0.1"), Some(Target { ip, mac: None }));
        let mac_only = Target {
            ip: None,
            mac: Some(mac),
        };
        assert_eq!(target("02:00:00:00:00:01"), Some(mac_only));
        let both = Target { ip, mac: Some(mac) };
        assert_eq!(target("10.0.0.1@02:00:00:00:00:01"), Some(both));
        assert_eq!(target("nobody"), None);
        assert_eq!(target("02:00:00:00:00"), None);
    }

    #[test]
    fn networks() {
        let net: Net = "10.9.0.1/24".parse().unwrap();
        assert!(net.contains("10.9.0.200".parse().unwrap()));
        assert!(!net.contains("10.9.1.1".parse().unwrap()));
        assert!(!net.contains("fd00::1".parse().unwrap()));
        assert!("10.9.0.1/33".parse::<Net>().is_err());
        assert!("10.9.0.1".parse::<Net>().is_err());
        let all: Net = "::/0".parse().unwrap();
        assert!(all.contains("fd00::1".parse().unwrap()));
    }

    #[test]
    fn queue_lists() {
        let list = |text: &str| text.parse::<Queues>().unwrap().resolve(4);
        assert_eq!(list("all").unwrap(), [0, 1, 2, 3]);
        assert_eq!(list("2,0").unwrap(), [2, 0]);
        assert!(list("4").is_err());
        assert!("0,0".parse::<Queues>().is_err());
        assert!("".parse::<Queues>().is_err());
    }
}
