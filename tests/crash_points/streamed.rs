//! A stream's offsets and series are one change: whatever is left of the disk, what is counted is
//! what an exact reader has counted up to the offsets beside it.

use std::sync::Arc;
use std::time::Duration;

use scf_exporter::metrics::Snapshot;
use scf_exporter::model::Timestamp;
use scf_exporter::store::Store;
use tencentcloud::runtime::{Random, Runtime};

use crate::run::on_paused_time;
use crate::support::faulty_disk::{FaultyDisk, Image, Operation, survivors};
use crate::support::stream::{Knobs, Stream, StreamExporter, counts_of, offsets_of};

/// Lives of the exporter in one run.
const LIVES: usize = 6;

/// Examines every operation of a run; how many states there were.
pub fn examine(seed: u64) -> usize {
    on_paused_time(async {
        let random = Random::seeded(seed);
        let runtime = Runtime::simulated(Timestamp::from_millis(1_700_000_000_000), seed);
        let knobs = Knobs {
            partitions: 3,
            grows: true,
            records: 300,
            traffic: Duration::from_secs(300),
            copies: 0.2,
            late: 0.05,
            unreadable: 0.05,
            failures: 0.1,
            rewinds: 0.2,
            batch_max: 20,
        };
        let stream = Stream::new(knobs, &runtime, &random);
        let log = record(&stream, &random).await;
        let (mut synced, mut unsynced, mut all) = (Image::default(), Vec::new(), Image::default());
        for (number, operation) in log.iter().enumerate() {
            all.apply(operation);
            match operation {
                Operation::Sync | Operation::Cut(_) => {
                    unsynced.clear();
                    synced = all.clone();
                }
                _ => unsynced.push(operation.clone()),
            }
            for image in [all.clone(), survivors(&synced, &unsynced, &random)] {
                check(
                    &stream,
                    image,
                    &format!("operation {number}: {operation:?}"),
                );
            }
        }
        log.len()
    })
}

/// The operations of a run that ends at the truth.
async fn record(stream: &Arc<Stream>, random: &Random) -> Vec<Operation> {
    let disk = FaultyDisk::default();
    disk.record(|| 0);
    for life in 0..LIVES {
        let exporter = StreamExporter::start(stream, disk.disk()).unwrap();
        if life + 1 == LIVES {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            let truth = stream.truth(&stream.written());
            assert_eq!(exporter.counts(), truth);
            exporter.stop().await;
            break;
        }
        tokio::time::sleep(random.jitter(Duration::from_secs(60))).await;
        match life % 2 {
            0 => disk.kill(),
            _ => disk.cut_power(random),
        }
        exporter.kill().await;
    }
    let log = disk.recorded().into_iter();
    log.map(|(operation, _)| operation).collect()
}

fn check(stream: &Stream, image: Image, what: &str) {
    let (_, stored) = Store::open_on(FaultyDisk::holding(image).disk())
        .unwrap_or_else(|refused| panic!("{what}: {refused}"));
    let series = stored.functions.iter().flatten();
    let series = series.map(|function| function.series.clone()).collect();
    let counted = counts_of(&Snapshot::new(1, false, series));
    let read = offsets_of(&stored.targets, stream);
    assert_eq!(counted, stream.truth(&read), "{what}, read to {read:?}");
}
