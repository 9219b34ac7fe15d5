// SPDX-License-Identifier: GPL-2.0

//! `vpcctl apply`: makes the configuration what a file says.

mod diff;
mod file;
#[cfg(test)]
mod model;
mod plan;
mod show;
mod state;

use super::client::is;
use super::client::pause;
use super::client::Client;
use super::client::TOO_BUSY;
use super::command::config;
use crate::device;
use crate::netlink::explain;
use crate::netlink::Failed;
use crate::netlink::Refusal;
use crate::netlink::Request;
use crate::output;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use diff::Diff;
use indicatif::ProgressBar;
use indicatif::ProgressStyle;
use plan::Step;
use rustix::io::Errno;
use serde_json::json;
use state::State;
use std::time::Duration;
use std::time::Instant;

pub(crate) const EXAMPLE: &str = r#"Example of a file:
  tunnel = "mgre0"

  [vpc.red]
  id = 7
  gateway = "02:00:00:00:00:fe"
  remotes = [{ address = "192.0.2.1", flood = true }]

  [port.tap0]
  vpc = "red"
  mac = "02:00:00:00:00:01"
  addresses = ["10.0.0.1"]
  acls = ["web"]

  [[route]]
  vpc = "red"
  mac = "02:00:00:00:00:02"
  addresses = ["10.0.0.2"]
  via = "192.0.2.1"

  [group.web]
  members = ["10.0.0.0/24"]

  [[acl.web.rule]]
  priority = 10
  action = "allow"
  direction = "ingress"
  protocol = "tcp"
  from-group = "web"
  port = 80
  stateful = true"#;

/// How many objects of a kind are named before they are carried out. --dry-run names all.
const NAMED: usize = 20;

/// After this time, a load shows how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

const TRIES: u32 = 5;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The file, in TOML; - is the standard input.
    #[arg(short, long, value_name = "FILE")]
    file: String,
    /// Only say what would be changed.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let wanted = file::read(&args.file)?;
    let what = format!("cannot apply {}", args.file);
    let mut raised = None;
    for attempt in 0..TRIES {
        let mut client = Client::open()?;
        let (running, generation) = State::read(&mut client)?;
        let mut diff = Diff::new(&running, &wanted);
        if !args.dry_run {
            // The limit is no part of a transaction, and changes the generation.
            if let Some(setting) = diff.max_entries.filter(|limit| limit.to > limit.from) {
                client.set_config(config::attributes(None, setting.to))?;
                raised = Some(setting);
                continue;
            }
        }
        let lowered = diff.max_entries;
        diff.max_entries = raised.or(lowered);
        if diff.is_empty() {
            return report(args, &diff, Some(generation), "nothing to do");
        }
        if args.dry_run {
            let done = "nothing was changed, since this is a dry run";
            return report(args, &diff, None, done);
        }
        if !args.json {
            output::text(&show::text(&diff, NAMED))?;
        }
        match load(&mut client, &diff, generation, &what) {
            Err(error) if is(&error, Errno::AGAIN) => {
                eprintln!("vpcctl: somebody else has changed the configuration: starting again");
                pause(attempt);
            }
            Err(error) => return Err(explain(error, &what, |_| None)),
            Ok(generation) => {
                if let Some(setting) = lowered {
                    client.set_config(config::attributes(None, setting.to))?;
                }
                return report(args, &diff, generation, "done");
            }
        }
    }
    bail!("{what}: {TOO_BUSY}")
}

/// Says what has been, or would be, done.
fn report(args: &Args, diff: &Diff<'_>, generation: Option<u32>, done: &str) -> Result<()> {
    if args.json {
        let lines = show::lines(diff, usize::MAX);
        let changes: Vec<_> = lines.into_iter().flat_map(|(lines, _)| lines).collect();
        return output::json(&json!({
            "changes": changes,
            "applied": !args.dry_run,
            "generation": generation,
        }));
    }
    if args.dry_run {
        output::text(&show::text(diff, usize::MAX))?;
    }
    output::text(&format!("{done}\n"))
}

/// One transaction; none, if there is nothing to do in it.
fn load(client: &mut Client, diff: &Diff<'_>, generation: u32, what: &str) -> Result<Option<u32>> {
    let index = |setting: diff::Setting<Option<&str>>| match setting.to {
        Some(name) => device::index(name).with_context(|| format!("{what}: tunnel")),
        None => Ok(0),
    };
    let tunnel = diff.tunnel.map(index).transpose()?;
    let steps = plan::plan(diff, tunnel);
    if steps.is_empty() {
        return Ok(Some(generation));
    }
    client.begin(generation)?;
    let mut progress = Progress::new(steps.len());
    let requests = steps.iter().flat_map(Step::requests);
    let result = client.family.batch(requests, |done| progress.tell(done));
    progress.end();
    if let Err(Failed { index, error }) = result {
        return Err(match step_of(&steps, index) {
            Some(step) if error.is::<Refusal>() => {
                let what = format!("{what}: {}", step.label());
                explain(error, &what, |kind| step.field(kind))
            }
            _ => error,
        });
    }
    client.commit()
}

/// The step that a request belongs to.
fn step_of<'a, 'b>(steps: &'a [Step<'b>], request: usize) -> Option<&'a Step<'b>> {
    let counts = steps.iter().map(|step| {
        let requests: Vec<Request> = step.requests();
        (step, requests.len())
    });
    let mut before = 0;
    for (step, count) in counts {
        before += count;
        if request < before {
            return Some(step);
        }
    }
    None
}

/// A bar on the terminal, if there is one and it takes long.
struct Progress {
    total: u64,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    fn new(total: usize) -> Self {
        Self {
            total: total as u64,
            begun: Instant::now(),
            bar: None,
        }
    }

    fn tell(&mut self, done: usize) {
        if self.bar.is_none() && self.begun.elapsed() > PATIENCE {
            let bar = ProgressBar::new(self.total);
            if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}") {
                bar.set_style(style);
            }
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The running configuration as a file.
pub(crate) fn export(client: &mut Client) -> Result<String> {
    let (state, _) = State::read(client)?;
    file::export(&state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_help_is_sound() {
        let (_, file) = EXAMPLE.split_once('\n').unwrap();
        let folder = std::env::temp_dir();
        let path = folder.join(format!("vpcctl-apply-{}.toml", std::process::id()));
        std::fs::write(&path, file).unwrap();
        let state = file::read(path.to_str().unwrap()).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!((state.ports.len(), state.rules.len()), (1, 1));
    }

    #[test]
    fn a_request_leads_to_its_object() {
        let (from, mut to) = (State::default(), State::default());
        let members = (0..5000u32).map(|n| {
            let address = std::net::Ipv4Addr::from(n);
            crate::vpc::prefix::Prefix::host(address.into())
        });
        let group = crate::vpc::object::Group {
            name: "g".to_owned(),
            members: members.collect(),
        };
        to.groups.insert("g".to_owned(), group);
        let acl = crate::vpc::object::Acl {
            name: "a".to_owned(),
        };
        to.acls.insert("a".to_owned(), acl);
        let diff = Diff::new(&from, &to);
        let steps = plan::plan(&diff, None);
        // Four requests make the group, one the ACL.
        let label = |request| step_of(&steps, request).map(Step::label);
        assert_eq!(label(0).as_deref(), Some("group g"));
        assert_eq!(label(3).as_deref(), Some("group g"));
        assert_eq!(label(4).as_deref(), Some("ACL a"));
        assert_eq!(label(5), None);
    }
}
