//! nginx as a plain reverse proxy with buffering off: what a byte pump costs.

use std::{net::SocketAddr, path::Path};

use crate::process::Process;

/// Starts it in the foreground, with one worker per core.
pub(crate) fn start(directory: &Path, listen: SocketAddr, upstream: SocketAddr) -> anyhow::Result<Process> {
    let root = directory.display();
    let config = format!(
        "daemon off; worker_processes auto; pid {root}/nginx.pid; error_log stderr error;\n\
         events {{ worker_connections 16384; }}\n\
         http {{\n\
           access_log off; client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;\n\
           fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;\n\
           client_max_body_size 64m; client_body_buffer_size 64m; keepalive_requests 1000000; tcp_nodelay on;\n\
           upstream site {{ server {upstream}; keepalive 2048; keepalive_requests 1000000; }}\n\
           server {{ listen {listen} backlog=4096;\n\
             location / {{ proxy_pass http://site; proxy_http_version 1.1; proxy_set_header Connection \"\";\n\
               proxy_buffering off; proxy_read_timeout 600s; }} }}\n\
         }}\n"
    );
    let path = directory.join("nginx.conf");
    std::fs::write(&path, config)?;
    let path = path.display().to_string();
    Process::start("nginx", &["-c", &path, "-e", "stderr"], &[])
}
