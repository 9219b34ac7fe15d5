// SPDX-License-Identifier: GPL-2.0

//! The UDP ports that a device receives on.

use kernel::prelude::*;

use vpc_core::ip::Version;
use vpcnet::context::Rtnl;
use vpcnet::errno;
use vpcnet::link::Request;
use vpcnet::netns::Net;
use vpcnet::udp::UdpPort;

use crate::config::Config;
use crate::port::MqGre;

/// The ports of a device, which are open while it is there: none, one for the version of IP of its
/// addresses, or two if it has no addresses.
pub(crate) struct Listening {
    _v4: Option<UdpPort>,
    _v6: Option<UdpPort>,
}

impl Listening {
    /// On nothing.
    pub(crate) const NOT: Listening = Listening {
        _v4: None,
        _v6: None,
    };

    /// Opens what settings need, or shares it with other devices.
    ///
    /// # Errors
    ///
    /// `EADDRINUSE`, `EAFNOSUPPORT` with a message, `ENOMEM`.
    pub(crate) fn new(
        config: &Config,
        underlay: &Net,
        request: &Request<'_>,
        rtnl: &mut Rtnl,
    ) -> Result<Self> {
        let Some(udp) = config.udp else {
            return Ok(Listening::NOT);
        };
        let ack = &request.ack;
        let mut open = |version| {
            UdpPort::open::<MqGre>(underlay, version, udp.dport, rtnl).map_err(|error| {
                if error == errno::eaddrinuse() {
                    ack.refuse_fmt(error, fmt!("UDP port {} is in use", udp.dport))
                } else if error == errno::eafnosupport() {
                    ack.refuse(error, c"this host does not have that version of IP")
                } else {
                    error
                }
            })
        };
        let version = config.peer.as_ref().map(|peer| peer.remote.version());
        let v4 = match version {
            Some(Version::V6) => None,
            _ => Some(open(Version::V4)?),
        };
        let v6 = match version {
            Some(Version::V4) => None,
            Some(Version::V6) => Some(open(Version::V6)?),
            None => match open(Version::V6) {
                // Then no packets come over IPv6 either.
                Err(error) if error == errno::eafnosupport() => None,
                port => Some(port?),
            },
        };
        Ok(Listening { _v4: v4, _v6: v6 })
    }
}
