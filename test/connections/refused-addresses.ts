/** Addresses to which a server of others must never lead a person. */
export const REFUSED_ADDRESSES = [
  "http://example.com/",
  "https://localhost/",
  "https://127.0.0.1/",
  "https://2130706433/",
  "https://[::1]/",
  "https://169.254.169.254/latest/meta-data/",
  "https://router.lan/",
  "javascript:alert(1)",
  "data:text/html,x",
  "file:///etc/passwd",
];
