//! What the manual pages and the long help say besides the options: examples, credentials, signals,
//! files and exit codes.

use clap::Command;
use clap_mangen::roff::{Roff, bold, roman};

/// A section with its entries: a term and its explanation. Without a term it is a paragraph.
struct Section {
    title: &'static str,
    entries: &'static [(&'static str, &'static str)],
}

/// The sections of one manual page, in their order.
struct Page {
    /// Name of the subcommand; empty for the program itself.
    command: &'static str,
    sections: &'static [Section],
}

const EXIT_STATUS: Section = Section {
    title: "EXIT STATUS",
    entries: &[
        (
            "0",
            "The command succeeded. A server ends with 0 after a graceful stop.",
        ),
        (
            "1",
            "The command failed: a port is taken, the state cannot be opened, no credentials were \
             found, or a second signal cut the graceful stop short.",
        ),
        (
            "2",
            "The command line or the configuration is invalid. A restart does not help.",
        ),
    ],
};

const HEALTH_STATUS: Section = Section {
    title: "EXIT STATUS",
    entries: &[
        ("0", "The exporter is alive."),
        ("1", "The exporter does not answer, or reports a failure."),
        ("2", "The command line is invalid."),
    ],
};

const ENVIRONMENT: Section = Section {
    title: "ENVIRONMENT",
    entries: &[
        (
            "SCF_EXPORTER_...",
            "Each option has a variable, which is named with it above. The option on the command \
             line overrides the variable, and both override the configuration file.",
        ),
        (
            "TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY, TENCENTCLOUD_TOKEN",
            "The API key, and the session token if the key is temporary. Not used for sources whose \
             credentials are in the configuration file.",
        ),
        (
            "TENCENTCLOUD_CREDENTIALS_FILE",
            "A credentials file in the format of the vendor's SDKs, instead of the usual places.",
        ),
        (
            "TENCENTCLOUD_ROLE_ARN, TENCENTCLOUD_ROLE_SESSION_NAME",
            "A role to assume with the credentials that were found, and the name of its session.",
        ),
        ("TCCLI_PROFILE", "The profile of tccli whose file is read."),
        (
            "TKE_REGION, TKE_PROVIDER_ID, TKE_WEB_IDENTITY_TOKEN_FILE, TKE_ROLE_ARN",
            "The identity of a pod. TKE sets these variables.",
        ),
        (
            "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
            "Proxies for requests to the cloud.",
        ),
        (
            "SSL_CERT_FILE, SSL_CERT_DIR",
            "CA certificates to trust instead of those of the system.",
        ),
    ],
};

const FILES: Section = Section {
    title: "FILES",
    entries: &[
        (
            "data/scf-exporter.redb",
            "The state: counters, and how far each log was read. --state.path sets its directory.",
        ),
        (
            "~/.tencentcloud/credentials, /etc/tencentcloud/credentials",
            "Credentials files of the vendor's SDKs.",
        ),
        (
            "~/.tccli/default.credential",
            "The credentials file of tccli.",
        ),
        (
            "/etc/scf-exporter/scf-exporter.yaml, /etc/default/scf-exporter",
            "Configuration and environment of the systemd service.",
        ),
    ],
};

const STOP: (&str, &str) = (
    "SIGTERM, SIGINT",
    "Stop gracefully: finish and store the requests in flight. This takes at most \
     poll.stop_timeout. A second signal ends the process at once, with exit status 1.",
);

const SIGNALS: Section = Section {
    title: "SIGNALS",
    entries: &[
        STOP,
        (
            "SIGHUP",
            "Reload the configuration file. If it is invalid, the old configuration stays in force \
             and the log says why.",
        ),
    ],
};

const STOP_SIGNALS: Section = Section {
    title: "SIGNALS",
    entries: &[STOP],
};

const RUN_EXAMPLES: Section = Section {
    title: "EXAMPLES",
    entries: &[
        (
            "scf-exporter run --api cls --region ap-guangzhou",
            "Read all functions of a region from CLS. The metrics are on http://127.0.0.1:10112/metrics.",
        ),
        (
            "scf-exporter run --config.file scf.yaml --log.level debug",
            "Read the sources in a file, such as several regions or accounts, and log every poll.",
        ),
        (
            "scf-exporter run --api cls --region ap-guangzhou --function.regex 'pay-.*' --state.path \
             /var/lib/scf-exporter",
            "Read the functions that match a pattern, and keep the counters in another directory.",
        ),
    ],
};

const CREDENTIALS: Section = Section {
    title: "CREDENTIALS",
    entries: &[(
        "",
        "No option takes a key, because other users of the machine can read command lines. The \
         exporter uses the credentials that the configuration file refers to. Otherwise it uses the \
         first that it finds: TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY in the environment, \
         the credentials file of the SDKs, the file of tccli, the role of the machine, the identity of \
         the TKE pod.",
    )],
};

const DEMO_EXAMPLES: Section = Section {
    title: "EXAMPLES",
    entries: &[
        (
            "scf-exporter demo",
            "Simulate 24 functions with 20 calls a second, and read them from CLS.",
        ),
        (
            "scf-exporter demo --sim.functions 500 --sim.rate 200 --sim.faults typical",
            "Simulate a larger account with some faults.",
        ),
        ("scf-exporter demo --api v3", "Read through another API."),
    ],
};

const CHECK_EXAMPLES: Section = Section {
    title: "EXAMPLES",
    entries: &[(
        "scf-exporter check-config scf.yaml",
        "Print what would run, or everything that is wrong with the file.",
    )],
};

const PAGES: &[Page] = &[
    Page {
        command: "",
        sections: &[EXIT_STATUS, ENVIRONMENT, FILES, SIGNALS],
    },
    Page {
        command: "run",
        sections: &[
            CREDENTIALS,
            EXIT_STATUS,
            ENVIRONMENT,
            FILES,
            SIGNALS,
            RUN_EXAMPLES,
        ],
    },
    Page {
        command: "demo",
        sections: &[EXIT_STATUS, STOP_SIGNALS, DEMO_EXAMPLES],
    },
    Page {
        command: "sim",
        sections: &[EXIT_STATUS, STOP_SIGNALS],
    },
    Page {
        command: "check-config",
        sections: &[EXIT_STATUS, CHECK_EXAMPLES],
    },
    Page {
        command: "check-web-config",
        sections: &[EXIT_STATUS],
    },
    Page {
        command: "health",
        sections: &[HEALTH_STATUS],
    },
];

/// Adds examples and credentials to the end of the long help of each subcommand.
pub(super) fn with_long_help(mut command: Command) -> Command {
    for page in PAGES.iter().filter(|page| !page.command.is_empty()) {
        let shown = |section: &&Section| ["EXAMPLES", "CREDENTIALS"].contains(&section.title);
        // Examples come first: whoever asks for help wants to run something.
        let mut sections: Vec<_> = page.sections.iter().filter(shown).collect();
        sections.reverse();
        let text: Vec<String> = sections.into_iter().map(Section::help).collect();
        if !text.is_empty() && command.find_subcommand(page.command).is_some() {
            command =
                command.mut_subcommand(page.command, |sub| sub.after_long_help(text.join("\n\n")));
        }
    }
    command
}

/// Appends the sections of a subcommand's manual page to `roff`; `None` is the program's own page.
pub(super) fn write_manual(roff: &mut Roff, command: Option<&str>) {
    let name = command.unwrap_or_default();
    let pages = PAGES.iter().filter(|page| page.command == name);
    for section in pages.flat_map(|page| page.sections) {
        roff.control("SH", [section.title]);
        for (term, text) in section.entries {
            if !term.is_empty() {
                roff.control("TP", []);
                roff.text([bold(*term)]);
            }
            roff.text([roman(*text)]);
        }
    }
    let Some(name) = command else { return };
    roff.control("SH", ["SEE ALSO"]);
    let other = if name == "run" { "check-config" } else { "run" };
    roff.text([
        bold("scf-exporter"),
        roman("(1), "),
        bold(format!("scf-exporter-{other}")),
        roman("(1)"),
    ]);
}

// === impl Section ===

impl Section {
    fn help(&self) -> String {
        let first = self.title.chars().take(1);
        let rest = self.title.chars().skip(1).flat_map(char::to_lowercase);
        let mut text: String = first.chain(rest).chain([':']).collect();
        for (term, about) in self.entries {
            text.push_str(&match *term {
                "" => format!("\n  {about}"),
                term => format!("\n  {term}\n      {about}"),
            });
        }
        text
    }
}
