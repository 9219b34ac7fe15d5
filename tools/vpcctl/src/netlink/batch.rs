// SPDX-License-Identifier: GPL-2.0

//! Many requests in few system calls.

use super::attribute::Attribute;
use super::family::is_overrun;
use super::family::Family;
use super::family::Request;
use super::refusal::Refusal;
use anyhow::Error;
use anyhow::Result;
use netlink_packet_core::NetlinkPayload;
use netlink_packet_core::NLM_F_ACK;

/// How many bytes of requests are sent at once. The socket takes more, but while the kernel works
/// on them, no one else's requests are heard.
const BYTES: usize = 32 << 10;

/// The first request that was refused, or at which the connection broke.
#[derive(Debug)]
pub(crate) struct Failed {
    /// Which of the requests, from 0 on.
    pub(crate) index: usize,
    pub(crate) error: Error,
}

impl Family {
    /// Sends requests that are answered by nothing but success or refusal. `done` is told how many
    /// are through. After a refusal no more are sent, but those sent with it may have been carried
    /// out; this connection is then good for nothing but to be closed.
    pub(crate) fn batch(
        &mut self,
        requests: impl IntoIterator<Item = Request>,
        mut done: impl FnMut(usize),
    ) -> Result<(), Failed> {
        let mut requests = requests.into_iter().peekable();
        let mut through = 0;
        while requests.peek().is_some() {
            let first = self.sequence.wrapping_add(1);
            let (mut bytes, mut sent) = (Vec::with_capacity(2 * BYTES), Vec::new());
            while let Some(mut request) = requests.next() {
                let is_last = bytes.len() >= BYTES || requests.peek().is_none();
                // Refusals come in any case. An answer for each success would be more than fits
                // into the socket before we read.
                if is_last {
                    request.flags |= NLM_F_ACK;
                }
                sent.push(request.attributes.clone());
                self.append(request, &mut bytes);
                if is_last {
                    break;
                }
            }
            let failed = |index, error| Failed {
                index: through + index,
                error,
            };
            self.send(&bytes).map_err(|error| failed(0, error))?;
            if let Some((index, refusal)) = self
                .first_refusal(first, &sent)
                .map_err(|error| failed(0, error))?
            {
                return Err(failed(index, refusal.into()));
            }
            through += sent.len();
            done(through);
        }
        Ok(())
    }

    /// Waits for the answer to the last of the requests that were sent, or for a refusal.
    fn first_refusal(
        &self,
        first: u32,
        sent: &[Vec<Attribute>],
    ) -> Result<Option<(usize, Refusal)>> {
        let mut is_full = false;
        loop {
            let answers = match self.receive() {
                // More refusals than the socket holds. The first of them are there.
                Err(error) if !is_full && is_overrun(&error) => {
                    is_full = true;
                    continue;
                }
                answers => answers?,
            };
            for answer in answers {
                let index = answer.header.sequence_number.wrapping_sub(first) as usize;
                let (NetlinkPayload::Error(error), Some(request)) =
                    (answer.payload, sent.get(index))
                else {
                    continue;
                };
                if error.code.is_some() {
                    let errno = error.raw_code().wrapping_neg();
                    let (header, rest) = (&answer.header, &error.header);
                    let refusal = Refusal::from_error(errno, header, rest, request);
                    return Ok(Some((index, refusal)));
                }
                if index + 1 == sent.len() {
                    return Ok(None);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the family of all families answers without being asked to acknowledge: it says what
    /// it knows, which is passed over.
    fn known() -> Request {
        Request::new(3, vec![Attribute::string(2, "nlctrl")])
    }

    fn unknown() -> Request {
        Request::new(3, vec![Attribute::string(2, "no such family")])
    }

    #[test]
    fn all_are_sent_and_the_first_refusal_is_told() {
        let mut control = Family::open("nlctrl").unwrap().unwrap();
        // Few enough at once that the answers fit into the socket.
        let mut through = Vec::new();
        control
            .batch(vec![known(); 20], |done| through.push(done))
            .unwrap();
        assert_eq!(through, [20]);

        let requests = [known(), known(), unknown(), known(), unknown()];
        let failed = control.batch(requests, |_| ()).unwrap_err();
        assert_eq!(failed.index, 2);
        let refusal = failed.error.downcast_ref::<Refusal>().unwrap();
        assert_eq!(refusal.errno, 2);
    }

    #[test]
    fn the_first_of_very_many_refusals_is_told() {
        let mut control = Family::open("nlctrl").unwrap().unwrap();
        let requests = [known()].into_iter().chain(vec![unknown(); 3000]);
        let failed = control.batch(requests, |_| ()).unwrap_err();
        assert_eq!(failed.index, 1);
        assert!(failed.error.is::<Refusal>(), "{:#}", failed.error);
    }

    #[test]
    fn a_long_batch_goes_in_several_sends() {
        let mut control = Family::open("nlctrl").unwrap().unwrap();
        let long = Request::new(3, vec![Attribute::string(2, &"x".repeat(2000))]);
        let failed = control.batch(vec![long; 40], |_| ()).unwrap_err();
        assert_eq!(failed.index, 0);

        let mut control = Family::open("nlctrl").unwrap().unwrap();
        let mut padded = known();
        padded.attributes.push(Attribute::bytes(60, &[0; 4000]));
        let mut through = Vec::new();
        control
            .batch(vec![padded; 25], |done| through.push(done))
            .unwrap();
        assert_eq!(through, [10, 20, 25]);
    }
}
