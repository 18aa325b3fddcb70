import APIConventions
import CloudModel
import Foundation
import HTTPTypes
import Hummingbird
import Observability
import Tokens

extension HTTPField.Name {
    static let contentMD5 = known("Content-MD5")
    static let contentDigest = known("Content-Digest")
}

/// The data of images.
extension GlanceService {
    func addFileRoutes(to routes: APIRoutes) {
        routes.put("images/{id}/file") { [self] request, context in
            guard Self.media(request) == "application/octet-stream" else {
                throw CloudError(.unsupportedMediaType, "An image's data is sent as application/octet-stream.")
            }
            let headers = try Self.uploadHeaders(request.headers)
            try await upload(request.body, to: try Self.imageID(context), headers, by: try caller(context))
            return Response.empty()
        }
    }

    /// With a grant, or else with a token.
    func answerDownload(
        _ request: Request, _ context: APIRequestContext, _ authenticator: any TokenAuthenticator
    ) async throws -> Response {
        let id = try Self.imageID(context)
        let range = request.headers[.range]
        if let grant = request.headers[.meridianGrant] {
            let asked = ImageRequest(method: request.method.rawValue, path: request.uri.path, range: range)
            return answer(try await download(id, asked, grant: grant, proof: request.headers[.meridianProof]), context)
        }
        guard let token = request.headers[.authToken], !token.isEmpty else { throw CloudError.requiresAuthentication }
        let caller = try await authenticator.authenticate(token: token)
        guard let download = try await download(id, range: range, for: ImageCaller(caller: caller, policy: policy)) else {
            return .empty()
        }
        return answer(download, context)
    }

    private func answer(_ download: Download, _ context: APIRequestContext) -> Response {
        let body = download.body(pacedBy: context.eventLoop)
        var headers: HTTPFields = [.contentType: "application/octet-stream", .acceptRanges: "bytes"]
        // What a region's cache knows an image's bytes by.
        headers[.reprDigest] = download.image.sha512.flatMap(DigestField.text)
        bytesSent.increment(by: Int(download.range?.count ?? download.size))
        if let range = download.range {
            headers[.contentRange] = range.header(of: download.size)
            return Response(status: .partialContent, headers: headers, body: body)
        }
        headers[.contentMD5] = download.image.checksum
        return Response(status: .ok, headers: headers, body: body)
    }

    private static func uploadHeaders(_ headers: HTTPFields) throws -> UploadHeaders {
        UploadHeaders(
            length: headers[.contentLength].flatMap { Int64($0) }, md5: try headers[.contentMD5].map(hexMD5),
            sha512: try headers[.contentDigest].flatMap(DigestField.sha512))
    }

    /// RFC 1864 says base64; Glance itself sends hex. Both are understood.
    private static func hexMD5(_ text: String) throws -> String {
        if text.count == 32, text.allSatisfy(\.isHexDigit) { return text.lowercased() }
        guard let digest = Data(base64Encoded: text), digest.count == 16 else {
            throw CloudError(.badRequest, "Content-MD5 is not the base64 of an MD5 digest.")
        }
        return digest.hex
    }
}
