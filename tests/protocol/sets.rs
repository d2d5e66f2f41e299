//! The sets of arguments: every type with every kind of value, and the rules between options.

use crate::values::{OTHERS, SOME, TYPES, VALUES};

/// One set of arguments.
#[derive(Debug)]
pub struct Set {
    /// The options, as the inside of a JSON object. Text, because `NaN` and `1e400` are no JSON.
    pub options: String,
    /// `_ansible_*` settings, as the inside of a JSON object.
    pub settings: &'static str,
    /// The environments whose ansible-core knows these settings; empty for all.
    pub only: &'static [&'static str],
}

/// Rules, aliases, sub-options, secrets. `name` and `count` are added where they are not there.
const TOGETHER: &[&str] = &[
    // Unknown options; the same at each level.
    r#""zzz":1"#,
    r#""zzz":1,"yyy":2"#,
    r#""conf":{"host":"h","bad":1}"#,
    r#""conf":{"host":"h","bad":1,"worse":null}"#,
    r#""rules":[{"k":1,"v":1,"worse":2}]"#,
    r#""conf":{"host":"h","deep":{"leaf":1,"twig":"t","x":1}}"#,
    // Aliases.
    r#""name":"x","n":"y""#,
    r#""name":"x","n":"y","nm":"z""#,
    r#""nm":"z","n":"y""#,
    r#""former":"old name""#,
    r#""former":"old name","present_name":"new""#,
    r#""conf":{"host":"h","al":"1","alx":"2"}"#,
    r#""conf":{"host":"h","alx":"2"}"#,
    r#""conf":{"host":"h","deep":{"leaf":1,"tw":"t","twig":"u"}}"#,
    r#""rules":[{"k":1,"v":1,"deeper":[{"leaf":1},{"leaf":2,"tw":1,"twig":2}]}]"#,
    // Mutually exclusive, required together, one of, if, by.
    r#""a":1,"b":2"#,
    r#""a":1,"b":2,"c":3,"d":4"#,
    r#""a":null,"b":null"#,
    r#""a":1"#,
    r#""c":1"#,
    r#""a":1,"c":1"#,
    r#""b":1,"d":1"#,
    r#""state":"absent""#,
    r#""state":"absent","letter":"a""#,
    r#""state":"absent","letter":null"#,
    r#""number":3"#,
    r#""number":"3","letter":"a""#,
    r#""number":3,"letter":"a","tags":"b""#,
    r#""ratio":1"#,
    r#""ratio":1,"letter":"a""#,
    r#""ratio":1,"letter":"a","d_int":null"#,
    r#""ratio":null"#,
    // Choices.
    r#""tags":["a","z","q"]"#,
    r#""tags":"a,z""#,
    r#""tags":["a","b"]"#,
    r#""numbers":"1,3""#,
    r#""numbers":[2,true,3.0]"#,
    r#""number":"2""#,
    r#""number":true"#,
    r#""letter":"A""#,
    r#""mixed":0"#,
    r#""mixed":false"#,
    r#""mixed":"auto""#,
    // Sub-options.
    r#""conf":{}"#,
    r#""conf":{"host":"h"}"#,
    r#""conf":{"host":null}"#,
    r#""conf":{"host":"h","port":"2222"}"#,
    r#""conf":{"host":"h","port":1}"#,
    r#""conf":{"host":"h","port":"x"}"#,
    r#""conf":{"host":"h","pw":"1","al":"2"}"#,
    r#""conf":{"host":"h","gone":1}"#,
    r#""conf":{"host":"h","gone":1,"al":"x"}"#,
    r#""conf":"host=h port=2222""#,
    r#""conf":"{\"host\": \"h\"}""#,
    r#""conf":"{'host': 'h', 'deep': {'leaf': 3, 'twig': 'x'}}""#,
    r#""conf":"host""#,
    r#""conf":"host=h,port""#,
    r#""conf":[{"host":"h"}]"#,
    r#""conf":{"host":"h","deep":{}}"#,
    r#""conf":{"host":"h","deep":{"leaf":"x"}}"#,
    r#""conf":{"host":"h","deep":{"leaf":"1","leaves":"1,2.5"}}"#,
    r#""conf":{"host":"h","deep":{"leaf":"1","leaves":["1","x"]}}"#,
    r#""conf":{"host":"h","deep":"leaf=1 tw=2"}"#,
    r#""conf":{"host":"h","deep":[]}"#,
    r#""conf":{"host":"h","deep":"x"}"#,
    r#""rules":[]"#,
    r#""rules":[{}]"#,
    r#""rules":[{"k":1}]"#,
    r#""rules":[{"v":1},{"k":1,"v":"maybe"}]"#,
    r#""rules":[{"k":1,"v":1},{"k":2,"v":"no","letters":"a,b"}]"#,
    r#""rules":[{"k":1,"v":1,"letters":"a,x"}]"#,
    r#""rules":"k=1""#,
    r#""rules":"k=1,v=2""#,
    r#""rules":["k=1 v=yes"]"#,
    r#""rules":{"k":1,"v":1}"#,
    r#""rules":[1]"#,
    r#""rules":[null]"#,
    r#""rules":[[]]"#,
    r#""rules":[{"k":1,"v":1,"deeper":[{"leaf":"x"}]}]"#,
    r#""rules":[{"k":1,"v":1,"deeper":[{"leaf":1},{}]}]"#,
    // Secrets, in results, messages and the log.
    r#""secret":"hunter2""#,
    r#""secret":"hunter2","t_str":"hunter2","t_list":["my hunter2 here"],"d_dict":{"hunter2":"hunter2"}"#,
    r#""secret":"hunter2","letter":"hunter2""#,
    r#""secret":"hunter2","t_int":"hunter2!""#,
    r#""secret":42,"t_int":42,"t_float":421.5,"t_raw":[1,42,142,"42x"]"#,
    r#""secret":"","t_str":"""#,
    r#""secret":null"#,
    r#""secret":true,"t_raw":[true,"True"]"#,
    r#""secrets":["alpha",{"k":"beta","m":7}],"t_str":"alpha beta 7""#,
    r#""secrets":[null,true,3.5],"t_raw":[3.5,"3.5x"]"#,
    r#""secret":"None","t_raw":[null]"#,
    r#""default_secret":"other","t_str":"inbuilt""#,
    r#""t_str":"inbuilt""#,
    r#""conf":{"host":"h","pw":"subpw"},"t_str":"a subpw b""#,
    r#""conf":"host=h pw=subpw","t_str":"a subpw b""#,
    r#""db_password":"shown","pass_mode":"p","passthrough_mode":"q""#,
    // Deprecated options.
    r#""old":"1","dated":2"#,
    r#""old":null"#,
    // Several findings at once: the first counts.
    r#""state":"foo","count":"abc","zzz":1,"a":1,"b":2"#,
    r#""state":"foo","count":"abc","zzz":1"#,
    r#""state":"foo","zzz":1"#,
    r#""t_int":"x","t_bool":"x""#,
    r#""conf":{"host":"h","port":"x","bad":1},"t_int":"x""#,
    // Order of the log line, names beyond ASCII, a key given twice.
    r#""t_str":"last","d_raw":{"b":1,"a":2},"a":"é ü","c":"1","d":null"#,
    r#""t_str":"one","t_str":"two""#,
    r#""\u00fcnknown":1"#,
    r#""t_str":"postgres://joe:s3cret@db.example/x?y=1 and ftp://a:b@c""#,
    r#""t_raw":{"url":"https://u:p@h/"}"#,
    r#""t_str":"mail me@example.org at 10:30 or you@example.org""#,
    r#""t_str":"::@""#,
];

/// Sets without the usual `name` and `count`.
const BARE: &[&str] = &[
    "",
    r#""name":"x""#,
    r#""name":"x","ratio":1"#,
    r#""n":"x","b":1"#,
    r#""name":null,"count":1"#,
    r#""name":[1],"count":1"#,
    r#""name":{"a":"b"},"count":null"#,
    r#""name":"x","a":1,"c":1,"d":1"#,
    r#""count":1,"zzz":1"#,
];

/// Settings that change what is said or logged.
const SETTINGS: &[(&str, &[&str])] = &[
    (r#""_ansible_check_mode":true"#, &[]),
    (r#""_ansible_check_mode":"yes","_ansible_diff":"no""#, &[]),
    (r#""_ansible_no_log":true"#, &[]),
    (r#""_ansible_syslog_facility":"LOG_LOCAL3""#, &[]),
    (r#""_ansible_syslog_facility":"LOG_DAEMON""#, &[]),
    (r#""_ansible_syslog_facility":"LOG_CRON""#, &[]),
    (r#""_ansible_syslog_facility":"LOG_AUTHPRIV""#, &[]),
    (r#""_ansible_syslog_facility":"LOG_NONSENSE""#, &[]),
    (r#""_ansible_target_log_info":"run42""#, &["2.19", "newest"]),
    (r#""_ansible_ignore_unknown_opts":true"#, &["2.19", "newest"]),
    (r#""_ansible_inject_invocation":false"#, &["newest"]),
];

/// All sets.
pub fn sets() -> Vec<Set> {
    let mut all = Vec::new();
    let mut add = |options: String| all.push(Set { options, settings: "", only: &[] });
    for (names, values) in [(TYPES, VALUES), (OTHERS, SOME)] {
        for name in names {
            for value in values {
                add(complete(&format!(r#""{name}":{value}"#)));
            }
        }
    }
    TOGETHER.iter().for_each(|options| add(complete(options)));
    BARE.iter().for_each(|options| add(options.to_string()));
    for (settings, only) in SETTINGS {
        for options in
            [r#""t_str":"a","secret":"s3","db_password":"x""#, r#""zzz":1"#, r#""t_int":"x","zzz":1"#]
        {
            all.push(Set { options: complete(options), settings, only });
        }
    }
    all
}

/// Adds the options that are required in most sets.
fn complete(options: &str) -> String {
    let mut out = options.to_string();
    for (name, others, value) in [("name", &["n", "nm"][..], r#""x""#), ("count", &[], "1")] {
        let given = |name: &str| options.contains(&format!(r#""{name}":"#));
        if !given(name) && !others.iter().any(|other| given(other)) {
            out.push_str(&format!(r#","{name}":{value}"#));
        }
    }
    out
}
