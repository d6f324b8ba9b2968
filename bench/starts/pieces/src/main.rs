//! With the system's allocator.

fn main() -> Result<(), lambda_http::Error> {
    start_pieces::main()
}
