//! The files that come with Latchkey.

/// Each with its name, in the order in which they are read.
pub const BUILT_IN: [(&str, &str); 8] = [
    ("practice.toml", include_str!("../../sites/practice.toml")),
    ("open-webui.toml", include_str!("../../sites/open-webui.toml")),
    ("open-webui-sso.toml", include_str!("../../sites/open-webui-sso.toml")),
    ("librechat.toml", include_str!("../../sites/librechat.toml")),
    ("chainlit.toml", include_str!("../../sites/chainlit.toml")),
    ("plain-openai.toml", include_str!("../../sites/plain-openai.toml")),
    ("gradio-multimodal.toml", include_str!("../../sites/gradio-multimodal.toml")),
    ("gradio.toml", include_str!("../../sites/gradio.toml")),
];
