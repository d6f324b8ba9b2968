//! The program with the allocator of the system.

fn main() -> Result<(), lambda_http::Error> {
    start_pieces::main()
}
