//! Settings that are one of a few words.

use exporter_toolkit::choice;

choice! {
    /// Which API a source is read through.
    Api {
        /// The legacy API, `scf.api.qcloud.com`.
        V2 = "v2",
        /// `GetFunctionLogs` of API 3.0, in older and private installations.
        V3 = "v3",
        /// Cloud Log Service, where the logs of today's functions are.
        Cls = "cls",
    }
}

choice! {
    /// What one stream of rows covers.
    Read {
        /// As much as the API answers completely.
        Auto = "auto",
        /// One function.
        Function = "function",
        /// All functions of the region.
        Region = "region",
    }
}

choice! {
    /// Under which root domain the cloud is reached. A finance region has hosts of its own.
    Domain {
        /// `tencentcloudapi.com`.
        Public = "public",
        /// `intl.tencentcloudapi.com`, for accounts of the international site.
        International = "international",
        /// `internal.tencentcloudapi.com`, which machines inside the cloud see.
        Internal = "internal",
    }
}

choice! {
    /// How requests are sent. Long queries need POST, and so does TC3.
    HttpMethod {
        /// Parameters in the query string.
        Get = "GET",
        /// Parameters in a form body.
        Post = "POST",
    }
}

choice! {
    /// How requests are signed.
    SignatureMethod {
        /// API 3.0's own, with a key derived for each day and service.
        Tc3 = "TC3-HMAC-SHA256",
        /// HMAC with SHA-256; the legacy API's better one, and known to 3.0.
        HmacSha256 = "HmacSHA256",
        /// HMAC with SHA-1; the same, older.
        HmacSha1 = "HmacSHA1",
    }
}

choice! {
    /// The least severe level that is logged.
    Level {
        /// Errors only.
        Error = "error",
        /// And warnings.
        Warn = "warn",
        /// And what an operator wants to know.
        Info = "info",
        /// And what helps to find a fault.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

choice! {
    /// How log lines are written.
    LogFormat {
        /// `key=value` pairs.
        Logfmt = "logfmt",
        /// One JSON object a line.
        Json = "json",
    }
}

#[cfg(test)]
mod tests {
    use exporter_toolkit::Choice;

    use super::*;

    #[test]
    fn words_and_values_agree() {
        assert_eq!(Level::from_word("warn"), Some(Level::Warn));
        assert_eq!(Level::from_word("WARN"), None);
        assert_eq!(
            SignatureMethod::from_word("HmacSHA256"),
            Some(SignatureMethod::HmacSha256)
        );
        assert_eq!(SignatureMethod::Tc3.to_string(), "TC3-HMAC-SHA256");
        assert_eq!(Api::from_word("cls"), Some(Api::Cls));
        assert_eq!(HttpMethod::Post.to_string(), "POST");
    }
}
