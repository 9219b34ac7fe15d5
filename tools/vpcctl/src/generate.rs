// SPDX-License-Identifier: GPL-2.0

//! `vpcctl completions` and `vpcctl man`: what is made of the command line's own description.

use crate::args::Cli;
use crate::output;
use anyhow::Context;
use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// Prints the completions for a shell.
pub(crate) fn completions(shell: Shell) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "vpcctl", &mut script);
    output::bytes(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page, or writes one for each command to a folder.
pub(crate) fn man(folder: Option<&Path>) -> Result<ExitCode> {
    match folder {
        Some(folder) => {
            fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
                .with_context(|| format!("cannot write manual pages to {}", folder.display()))?;
        }
        None => {
            let mut page = Vec::new();
            Man::new(Cli::command())
                .render(&mut page)
                .context("cannot make the manual page")?;
            output::bytes(&page)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_shell_can_complete() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "vpcctl", &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("rebalance"), "{shell}");
        }
    }

    /// The commands in the examples of the help, which people copy.
    #[test]
    fn examples_can_be_given() {
        let command = Cli::command();
        let mut given = 0;
        for sub in command.get_subcommands() {
            let help = sub.get_after_long_help().map(ToString::to_string);
            let help = help.unwrap_or_default().replace("\\\n", " ");
            let lines = help.lines().map(str::trim);
            for line in lines.filter(|line| line.starts_with("vpcctl ")) {
                let line = line.split('|').next().unwrap();
                let parsed = Cli::command().try_get_matches_from(line.split_whitespace());
                assert!(parsed.is_ok(), "{line}: {parsed:?}");
                given += 1;
            }
        }
        assert!(given > 12);
    }

    #[test]
    fn each_command_has_a_manual_page() {
        let folder = std::env::temp_dir().join(format!("vpcctl-man-{}", std::process::id()));
        man(Some(&folder)).unwrap();
        let page = fs::read_to_string(folder.join("vpcctl-lanes-set.1")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert!(page.contains("steering program"));
    }
}
