//! Settings whose values are a few words.

use exporter_toolkit::choice;

choice! {
    /// Which API a source is read through.
    Api {
        /// The legacy API, `scf.api.qcloud.com`.
        V2 = "v2",
        /// `GetFunctionLogs` of API 3.0, which older and private installations offer.
        V3 = "v3",
        /// Cloud Log Service, which has the logs of functions of today.
        Cls = "cls",
    }
}

choice! {
    /// The functions that one stream of rows covers.
    Read {
        /// As many as the API answers completely.
        Auto = "auto",
        /// One function.
        Function = "function",
        /// All functions of the region.
        Region = "region",
    }
}

choice! {
    /// The root domain of the cloud. A finance region has hosts of its own.
    Domain {
        /// `tencentcloudapi.com`.
        Public = "public",
        /// `intl.tencentcloudapi.com`, for accounts of the international site.
        International = "international",
        /// `internal.tencentcloudapi.com`, for machines inside the cloud.
        Internal = "internal",
    }
}

choice! {
    /// The HTTP method. Long queries and TC3 need POST.
    HttpMethod {
        /// Parameters in the query string.
        Get = "GET",
        /// Parameters in a form body.
        Post = "POST",
    }
}

choice! {
    /// The signature method.
    SignatureMethod {
        /// The method of API 3.0, with a key for each day and service.
        Tc3 = "TC3-HMAC-SHA256",
        /// HMAC with SHA-256, for the legacy API and API 3.0.
        HmacSha256 = "HmacSHA256",
        /// HMAC with SHA-1, for the legacy API and API 3.0.
        HmacSha1 = "HmacSHA1",
    }
}

choice! {
    /// The least severe level that is logged.
    Level {
        /// Errors only.
        Error = "error",
        /// Also warnings.
        Warn = "warn",
        /// Also what an operator wants to know.
        Info = "info",
        /// Also what helps to find a fault.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

choice! {
    /// The form of log lines.
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
