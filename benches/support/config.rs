//! Builds a configuration of one source without a file.

use std::path::Path;

use scf_exporter::config::{self, Config, Overrides};
use scf_sim::Settings;

/// Reads `head`, to which one source of the world `settings` is added: `api` at `endpoint`, with
/// further `keys`.
pub fn of_source(
    head: &str,
    api: &str,
    endpoint: &str,
    keys: &str,
    settings: &Settings,
) -> Result<Config, super::Failure> {
    let text = format!(
        "{head}\n\
         sources:\n\
         - name: bench\n\
         \x20 api: {api}\n\
         \x20 region: {}\n\
         \x20 endpoint: {endpoint}\n\
         \x20 credentials: {{secret_id: {}, secret_key: \"${{KEY}}\"}}\n{keys}",
        settings.region, settings.secret_id
    );
    let key = |name: &str| (name == "KEY").then(|| settings.secret_key.clone());
    let overrides = Overrides::default();
    Ok(config::parse(&text, "", Path::new(""), &overrides, &key)?)
}
