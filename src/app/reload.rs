//! Reloads the configuration while the exporter runs.
//!
//! New and changed sources are built first; if one cannot be, nothing changes. Then changed and
//! removed sources stop as at a shutdown, and the new ones start at the positions in the ledger, as
//! after a restart. Ledger, snapshot and unchanged sources live on.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::{BuildError, Running, end, rules, wanted};
use crate::commit;
use crate::config::{Config, Diagnostics, Level};
use crate::model::FunctionId;
use crate::web::ControlRequest;

use super::sources::{Built, SourceSpec};

/// How a running exporter reloads its configuration.
#[derive(Clone)]
pub struct Reload {
    /// Reads the configuration again.
    pub load: Arc<dyn Fn() -> Result<Config, Diagnostics> + Send + Sync>,
    /// Sets the minimum level that is logged.
    pub set_level: Arc<dyn Fn(Level) + Send + Sync>,
}

/// The changes that a reload made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// New sources.
    pub added: Vec<String>,
    /// Sources whose settings changed.
    pub changed: Vec<String>,
    /// Sources that were removed.
    pub removed: Vec<String>,
    /// Changed keys that keep their old value until a restart.
    pub kept: Vec<&'static str>,
    /// Whether all sources stopped in time, so that no page has to be read again.
    pub in_time: bool,
}

impl Running {
    /// Handles control requests in order until one asks to quit.
    pub(super) async fn handle_control(
        &mut self,
        mut requests: mpsc::Receiver<ControlRequest>,
        how: Option<Reload>,
    ) {
        loop {
            let reply = match requests.recv().await {
                Some(ControlRequest::Reload(reply)) => reply,
                Some(ControlRequest::Quit) => return,
                // All senders are gone.
                None => std::future::pending().await,
            };
            let result = match &how {
                Some(how) => self.reload_by(how).await,
                None => Err("it was not read from anywhere".to_owned()),
            };
            // The caller may be gone.
            let _gone = reply.send(result);
        }
    }

    /// Reads the configuration again and applies it, or logs what is wrong with it.
    ///
    /// # Errors
    /// Returns why nothing changed.
    async fn reload_by(&mut self, how: &Reload) -> Result<(), String> {
        let load = how.load.clone();
        let runtime = &self.wiring.dependencies.runtime;
        let failure = match runtime.in_background(move || load()).await {
            Ok(config) => match self.reload(&config).await {
                Ok(reloaded) => {
                    (how.set_level)(config.log.level);
                    for warning in &config.warnings {
                        warn!(
                            warning,
                            "the configuration is valid, but may not be intended"
                        );
                    }
                    reloaded.log();
                    return Ok(());
                }
                Err(cause) => cause.to_string(),
            },
            Err(faults) => faults.to_string(),
        };
        self.wiring.telemetry.config_failed(&failure);
        for fault in failure.lines() {
            error!(
                fault,
                "the configuration could not be reloaded; the old one stays in force"
            );
        }
        Err(failure)
    }

    /// Applies another configuration. If this future is dropped before its end, only
    /// [`Running::stop`] may be called.
    ///
    /// # Errors
    /// Fails if a source cannot be built; then nothing changed.
    pub async fn reload(&mut self, config: &Config) -> Result<Reloaded, BuildError> {
        let mut config = config.clone();
        let kept = config.keep_what_needs_a_restart(&self.config);
        let built = self.build_others(&config).await?;
        let mut reloaded = Reloaded {
            kept,
            ..Reloaded::default()
        };
        for source in built.iter().map(|built| &built.spec.source) {
            let known = self.sources.contains_key(&source.name);
            let names = if known {
                &mut reloaded.changed
            } else {
                &mut reloaded.added
            };
            names.push(source.name.clone());
        }
        let at_work = self.sources.keys();
        let gone = at_work.filter(|name| !config.sources.iter().any(|s| s.name == **name));
        reloaded.removed = gone.cloned().collect();
        reloaded.in_time = self.end_old(&reloaded, &config).await?;
        for built in built {
            let selector = built.spec.source.selector();
            let listed = self.shown_as_listed(|function| selector.selects(function));
            self.begin(built, listed);
        }
        self.config = config;
        let Self { wiring, .. } = self;
        wiring
            .telemetry
            .config_loaded(wiring.dependencies.runtime.now());
        Ok(reloaded)
    }

    /// Builds the sources that are new or changed.
    async fn build_others(&self, config: &Config) -> Result<Vec<Built>, BuildError> {
        let mut all = Vec::new();
        for source in &config.sources {
            let spec = SourceSpec::of(config, source);
            let same = self.sources.get(&source.name);
            if same.is_some_and(|same| same.spec == spec) {
                continue;
            }
            match self.wiring.build(spec).await {
                Ok(built) => all.push(built),
                Err(cause) => {
                    // Building created their metrics.
                    let names = config.sources.iter().map(|source| &source.name);
                    for name in names.filter(|name| !self.sources.contains_key(*name)) {
                        self.wiring.telemetry.source_ended(name);
                    }
                    return Err(cause);
                }
            }
        }
        Ok(all)
    }

    /// Stops changed and removed sources and sets the ledger's new rules. Returns whether the
    /// sources stopped in time.
    async fn end_old(&mut self, reloaded: &Reloaded, config: &Config) -> Result<bool, BuildError> {
        let is_old =
            |name: &String| reloaded.changed.contains(name) || reloaded.removed.contains(name);
        let old = self.sources.iter_mut().filter(|(name, _)| is_old(name));
        let old = old.map(|(_, source)| source).collect();
        let in_time = end(old, self.config.poll.stop_timeout).await;
        self.sources.retain(|name, _| !is_old(name));
        let telemetry = &self.wiring.telemetry;
        reloaded
            .changed
            .iter()
            .for_each(|name| telemetry.source_changed(name));
        reloaded
            .removed
            .iter()
            .for_each(|name| telemetry.source_ended(name));
        let old = reloaded.changed.iter().chain(&reloaded.removed);
        let wanted = wanted(config);
        let commit = commit::CommitConfig {
            rules: rules(config),
            zero_first: config.web.zero_first,
            ended: old.flat_map(|name| self.wiring.board.ended(name)).collect(),
            gone: self
                .shown_as_listed(|function| !wanted.has(function))
                .into_iter()
                .collect(),
            wanted,
        };
        let committed = self.wiring.writer.reconfigure(commit).await;
        committed.map_err(|failed| BuildError::Other(failed.to_string()))?;
        Ok(in_time)
    }

    /// Returns the functions that show details from a list of functions.
    fn shown_as_listed(&self, which: impl Fn(&FunctionId) -> bool) -> BTreeSet<FunctionId> {
        let snapshot = self.view.published.load();
        let listed = snapshot
            .series
            .iter()
            .filter(|series| series.about.is_some());
        let functions = listed.map(|series| &series.function);
        functions.filter(|one| which(one)).cloned().collect()
    }
}

impl Reloaded {
    fn log(&self) {
        for key in &self.kept {
            warn!(key, "the key keeps its old value until a restart");
        }
        let names = |names: &[String]| names.join(", ");
        info!(
            added = names(&self.added),
            changed = names(&self.changed),
            removed = names(&self.removed),
            "configuration reloaded"
        );
    }
}
