//! Requests of KPI providers to the apiserver, carried out as the operator.

use axum::http::request::Builder;
use axum::http::{Request, header};
use kube::client::Body;
use tokio::time::timeout;

use super::{CALL_TIMEOUT, Cluster};
use crate::http::HttpResponse;
use crate::metric::ClusterRequest;
use crate::world::failure::chain;

impl Cluster {
    /// What the apiserver answers, whatever its status. An error is part of a sentence.
    pub(crate) async fn relay(&self, request: ClusterRequest) -> Result<HttpResponse, String> {
        let (verb, built) = match request {
            ClusterRequest::Get(path) => ("get", with(Request::get(path), Body::empty())),
            ClusterRequest::Delete(path) => ("delete", with(Request::delete(path), Body::empty())),
            ClusterRequest::Create(path, object) => {
                let json = Request::post(path).header(header::CONTENT_TYPE, "application/json");
                ("create", with(json, object.to_string().into_bytes().into()))
            }
        };
        let built = built?;
        self.metrics.request(verb, "metrics");
        let _slot = self.slots.acquire().await;
        let exchange = async {
            let answer = self.client.send(built).await?;
            let status = answer.status().as_u16();
            let body = answer.into_body().collect_bytes().await?;
            Ok::<_, kube::Error>(HttpResponse::new(status, body.to_vec()))
        };
        match timeout(CALL_TIMEOUT, exchange).await {
            Ok(answer) => answer.map_err(|error| chain(&error)),
            Err(_) => Err(format!("no answer within {} s", CALL_TIMEOUT.as_secs())),
        }
    }
}

fn with(request: Builder, body: Body) -> Result<Request<Body>, String> {
    request.body(body).map_err(|error| chain(&error))
}
