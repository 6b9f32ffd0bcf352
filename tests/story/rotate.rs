//! Keys that are replaced while the story goes on. Drawn from a stream of their own, so that they
//! move no other knob.

use scf_sim::Rotation;
use tencentcloud::runtime::Random;

use super::plan::{Keys, Story};

/// A key that takes the place of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    /// In the cloud, Unix milliseconds of the world.
    pub at_ms: i64,
    /// In the exporter's environment, which may be a moment earlier than the cloud.
    pub known_ms: i64,
}

/// Has the permanent key replaced once or more in every fourth story.
pub fn draw(story: &mut Story) {
    let random = Random::seeded(story.seed ^ 0x0F11_E000_0000_0000);
    let between = |least: u64, most: u64| least + random.next_u64() % (most - least + 1);
    let deletes = story.world.lives.iter().any(|l| l.deleted_ms < i64::MAX);
    // The keys of a machine come from its metadata. And a function that is deleted while nobody
    // can read it takes its last calls with it.
    if random.unit() >= 0.25 || story.keys == Keys::MachineRole || deletes {
        return;
    }
    let half_ms = story.traffic.as_millis() as u64 / 2;
    let mut at_ms = story.world.start_ms;
    for _ in 0..between(1, 3) {
        at_ms += between(30_000, half_ms) as i64;
        let known_ms = at_ms - 2_000 + between(0, 122_000) as i64;
        story.rotations.push(Rotated { at_ms, known_ms });
        story.world.rotations.push(Rotation {
            at_ms,
            secret_id: format!("AKIDsim{:016x}", random.next_u64()),
            secret_key: format!("{:016x}", random.next_u64()),
        });
    }
}

/// The sentences that tell of it.
pub fn tell(story: &Story) -> Vec<String> {
    let told = story.rotations.iter().map(|rotated| {
        format!(
            "At {} s another key takes the place of the one before; the exporter can read it {} ms \
             later.",
            (rotated.at_ms - story.world.start_ms) / 1_000,
            rotated.known_ms - rotated.at_ms,
        )
    });
    told.collect()
}
