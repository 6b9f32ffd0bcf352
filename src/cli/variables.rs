//! Detects misspelt environment variables.

use crate::config::nearest;

const PREFIX: &str = "SCF_EXPORTER_";

/// Returns a warning for each variable that has the prefix of our flags' variables and is none of
/// them, because it has no effect.
pub fn unknown_variables(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let command = super::command();
    let subcommands = command.get_subcommands();
    let arguments = subcommands.flat_map(|subcommand| subcommand.get_arguments());
    let known: Vec<&str> = arguments
        .filter_map(|argument| argument.get_env()?.to_str()?.strip_prefix(PREFIX))
        .collect();
    let mut unknown: Vec<String> = names
        .into_iter()
        .filter_map(|name| {
            let rest = name.strip_prefix(PREFIX)?;
            let is_ours = known.contains(&rest) || is_of_a_service(rest);
            (!is_ours).then(|| warning(&name, nearest(rest, known.iter().copied())))
        })
        .collect();
    unknown.sort();
    unknown
}

fn warning(name: &str, near: Option<&str>) -> String {
    let shown: String = name.chars().take(80).collect();
    let shown = shown.escape_debug();
    match near {
        Some(near) => {
            format!("{shown}: no such variable exists: did you mean {PREFIX}{near}?")
        }
        None => format!("{shown}: no such variable exists, so that it has no effect: remove it"),
    }
}

/// Returns whether Kubernetes sets this variable for a service of the namespace.
fn is_of_a_service(rest: &str) -> bool {
    let parts: Vec<&str> = rest.split('_').collect();
    let is_protocol = |part: &&str| ["TCP", "UDP", "SCTP"].contains(part);
    rest.contains("SERVICE_HOST")
        || rest.contains("SERVICE_PORT")
        || parts.last() == Some(&"PORT")
        || (parts.contains(&"PORT") && parts.iter().any(is_protocol))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings_for(names: &[&str]) -> Vec<String> {
        unknown_variables(names.iter().map(|name| (*name).to_owned()))
    }

    #[test]
    fn a_misspelt_variable_is_reported_with_the_likely_name() {
        let expected = [
            "SCF_EXPORTER_POLL_INTERVALL: no such variable exists: did you mean \
             SCF_EXPORTER_POLL_INTERVAL?",
            "SCF_EXPORTER_REGOIN: no such variable exists: did you mean SCF_EXPORTER_REGION?",
            "SCF_EXPORTER_SECRET_TOKEN_OF_MINE: no such variable exists, so that it has no effect: \
             remove it",
        ];
        let warnings = warnings_for(&[
            "SCF_EXPORTER_REGOIN",
            "SCF_EXPORTER_SECRET_TOKEN_OF_MINE",
            "SCF_EXPORTER_POLL_INTERVALL",
            "SCF_EXPORTER_REGION",
            "SCF_EXPORTER_SIM_SEED",
            "SCF_EXPORTER",
            "PATH",
        ]);
        assert_eq!(warnings, expected);
    }

    /// The variables in a pod next to services named `scf-exporter` and `scf-exporter-x`.
    #[test]
    fn variables_of_a_service_are_not_ours() {
        let names = [
            "SCF_EXPORTER_SERVICE_HOST",
            "SCF_EXPORTER_SERVICE_PORT",
            "SCF_EXPORTER_SERVICE_PORT_HTTP",
            "SCF_EXPORTER_PORT",
            "SCF_EXPORTER_PORT_10112_TCP",
            "SCF_EXPORTER_PORT_10112_TCP_ADDR",
            "SCF_EXPORTER_X_SERVICE_HOST",
            "SCF_EXPORTER_X_PORT_10112_TCP_PROTO",
        ];
        assert!(warnings_for(&names).is_empty());
    }
}
