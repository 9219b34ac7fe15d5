// SPDX-License-Identifier: GPL-2.0

//! What a file looks like. All that can be wrong in more than its type has its place with it.

use serde::de::Error;
use serde::de::Visitor;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use toml::Spanned;

pub(super) type Text = Spanned<String>;

/// Tables by name.
pub(super) type Named<T> = BTreeMap<Text, T>;

#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    pub(super) tunnel: Option<Text>,
    pub(super) max_entries: Option<u32>,
    pub(super) vpc: Named<Vpc>,
    pub(super) port: Named<Port>,
    pub(super) route: Vec<Route>,
    pub(super) group: Named<Group>,
    pub(super) acl: Named<Acl>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Vpc {
    pub(super) id: Option<Spanned<u32>>,
    pub(super) gateway: Option<Text>,
    pub(super) remotes: Vec<Remote>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Remote {
    pub(super) address: Text,
    #[serde(default)]
    pub(super) flood: bool,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Port {
    pub(super) vpc: Text,
    pub(super) mac: Text,
    #[serde(default)]
    pub(super) addresses: Vec<Text>,
    #[serde(default)]
    pub(super) acls: Vec<Text>,
    #[serde(default)]
    pub(super) allow: Vec<Text>,
    #[serde(default)]
    pub(super) max_connections: Option<u32>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Route {
    pub(super) vpc: Text,
    pub(super) mac: Text,
    #[serde(default)]
    pub(super) addresses: Vec<Text>,
    #[serde(default)]
    pub(super) via: Option<Text>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Group {
    pub(super) members: Vec<Text>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Acl {
    pub(super) rule: Vec<Rule>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Rule {
    pub(super) priority: Spanned<u32>,
    pub(super) action: Text,
    pub(super) direction: Text,
    #[serde(default)]
    pub(super) ethertype: Option<Word>,
    #[serde(default)]
    pub(super) protocol: Option<Word>,
    #[serde(default)]
    pub(super) from: Option<Text>,
    #[serde(default)]
    pub(super) to: Option<Text>,
    #[serde(default)]
    pub(super) from_group: Option<Text>,
    #[serde(default)]
    pub(super) to_group: Option<Text>,
    #[serde(default)]
    pub(super) sport: Option<Word>,
    #[serde(default)]
    pub(super) port: Option<Word>,
    #[serde(default)]
    pub(super) icmp_type: Option<Word>,
    #[serde(default)]
    pub(super) stateful: bool,
    #[serde(default)]
    pub(super) log: bool,
}

pub(super) type Word = Spanned<Bare>;

/// A string, or a number as it would be in one.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Bare(pub(super) String);

impl<'de> Deserialize<'de> for Bare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = Bare;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a number")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Bare, E> {
                Ok(Bare(number.to_string()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Bare, E> {
                Ok(Bare(text.to_owned()))
            }
        }

        deserializer.deserialize_any(Either)
    }
}
