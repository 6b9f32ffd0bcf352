#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| scf_exporter::fuzzing::v2_body(bytes));
