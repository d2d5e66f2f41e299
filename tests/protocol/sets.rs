//! The sets of arguments: every type with every kind of value, and the rules between options.

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

/// Values of every kind that YAML and `key=value` can give.
const VALUES: &[&str] = &[
    r#""yes""#, r#""YES""#, r#"" on ""#, r#""1""#, r#""0""#, r#""y""#, r#""t""#, r#""T""#, r#""f""#, r#""N""#,
    r#""off""#, r#""TRUE""#, r#""False""#, r#""True""#, r#""2""#, r#""01""#, r#""""#, r#"" ""#, "null", "0", "1", "2", "-1",
    "-0", "1.0", "0.0", "-0.0", "1.5", "2.0", "true", "false", r#""1.0""#, r#""1.5""#, r#""1e3""#, r#""1E3""#,
    r#""1e-3""#, r#""100e-2""#, r#"" 7 ""#, r#""7\n""#, r#""0x10""#, r#""0644""#, r#""1_000""#, r#""1__000""#,
    r#""_1""#, r#""-1""#, r#""+1""#, r#""- 1""#, r#""nan""#, r#""inf""#, r#""-inf""#, r#""NaN""#, r#""Infinity""#,
    r#""12345678901234567890123""#, r#""\u0661\u0662""#, "1000000000000000000000000000000", "-9223372036854775809",
    "9223372036854775807", "18446744073709551615", "1e300", "1e16", "1e15", "123456789012345680.0", "1e-5", "0.0001",
    "1e400", "NaN", "Infinity", "-Infinity", "3.141592653589793", "5e-324", "[]", "[1]", r#"["a","b"]"#, "[null]",
    r#"[["x"]]"#, "[1.5,true,null,\"it's\"]", "{}", r#"{"a":1}"#, r#"{"a":[1,null,true,"\u017c"]}"#,
    r#"{"z":1,"a":{"y":2,"b":[]}}"#, r#"{"q\"'":"\n\u0001\u00a0\u200b\\"}"#, r#""a,b""#, r#""a, b""#, r#"",""#, r#""a,,b""#,
    r#""[1,2]""#, r#""['a']""#, r#""{\"a\": 1}""#, r#""{\"a\": NaN, \"b\": 1e3, \"a\": 2}""#, r#""{'a': True}""#,
    r#""{'a': None, 'b': [1, -2.5, 'x' 'y'], \"c\": {'d': (1, 2)}}""#, r#""{'a': 'it\\'s \\x41'}""#, r#""{'a': 1,}""#, r#""{a: 1}""#,
    r#""{'a': 01}""#, r#""{""#, r#""{}""#, r#""{'a': 1} x""#, r#"" {\"a\":1}""#, r#""k=v""#, r#""k=v,k2=v2""#,
    r#""k=v k2=v2""#, r#""k='a b' z=1""#, r#""k=\"a=b\"""#, r#""k=v, bad""#, r#""k=v bad""#, r#""=v""#, r#""k=""#,
    r#""k==v""#, r#""k=a\\ b""#, r#""k=v,,  k2=v2 k=w""#, r#""a""#, r#""None""#, r#""null""#, r#""~/x""#, r#""~""#, r#""~root/x""#,
    r#""~root""#, r#""~nouser/x""#, r#""$HOME/x""#, r#""${HOME}/x""#, r#""$UNDEF/x""#, r#""a$FOO$""#, r#""a${FOO}b""#,
    r#""a~/b""#, r#""~/$FOO""#, r#""$$FOO""#, r#""\\$FOO""#, r#""${FOO""#, r#""${}x$""#, r#""${A=B}""#, r#""$FOO-$FOO.x""#, r#""rel/../x""#,
    r#""10K""#, r#""1k""#, r#""1MB""#, r#""1Mb""#, r#""1mb""#, r#""1M""#, r#""1.5G""#, r#""2.5""#, r#""3.5""#,
    r#""10 KB""#, r#""10  KB""#, r#""1KiB""#, r#""1b""#, r#""1B""#, r#""1byte""#, r#""1bytes""#, r#""1bit""#,
    r#""1 megabyte""#, r#""1 megabit""#, r#""1 MegaByte""#, r#""-5""#, r#"".5K""#, r#""5.""#, r#"".""#, r#""1kb""#,
    r#""1Kb""#, r#""1kB""#, r#""1Y""#, r#""10Q""#, r#""1e3K""#, r#"" 10K""#, r#""10K ""#, r#""10 K B""#, r#""abc""#,
    r#""\u00e9\ud83d\ude00 x""#, r#""\t tab\r""#, r#""a\"b'c""#, r#""it's""#, r#""https://user:pw@host/x""#, r#""u:p@h""#,
];

/// A shorter table, for options whose type was tried with [`VALUES`] already.
const SOME: &[&str] = &[
    r#""yes""#, r#""1,2""#, r#""""#, "null", "0", "1.0", "1.5", "true", "NaN", "1000000000000000000000000000000",
    r#""x""#, "[]", r#"["1","x",null]"#, "[null]", r#"[1,true,1.0,"2"]"#, r#"[[1],{"a":"b"}]"#, r#"["k=v",{"k":1}]"#,
    r#"["~/x","$FOO"]"#, r#"["10K","1MB"]"#, r#"["a,b"]"#, "{}", r#"{"a":1}"#, r#"["yes","no","maybe"]"#, r#""{'a': 1}""#,
];

const TYPES: &[&str] = &[
    "t_str", "t_bool", "t_int", "t_float", "t_list", "t_dict", "t_path", "t_raw", "t_json", "t_jsonarg", "t_bytes",
    "t_bits",
];

const OTHERS: &[&str] = &[
    "l_str", "l_bool", "l_int", "l_float", "l_list", "l_dict", "l_path", "l_raw", "l_json", "l_bytes", "d_str", "d_path",
    "d_int", "d_float", "d_list", "d_dict", "d_raw", "name", "state", "force", "tags", "letter", "conf", "rules", "yesno",
    "onyes", "number", "numbers", "mixed",
];

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
        for options in [r#""t_str":"a","secret":"s3","db_password":"x""#, r#""zzz":1"#, r#""t_int":"x","zzz":1"#] {
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
