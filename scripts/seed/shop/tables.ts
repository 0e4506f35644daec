/** Tables of the demonstration's shop, with the comments that a model reads. */
export const TABLES = `
  CREATE TABLE customers (
    id int PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE, country char(2) NOT NULL, city text NOT NULL,
    newsletter boolean NOT NULL, joined_on date NOT NULL);
  COMMENT ON TABLE customers IS 'People who have an account at the shop';
  COMMENT ON COLUMN customers.country IS 'ISO 3166-1 alpha-2, such as DE';

  CREATE TABLE products (
    id int PRIMARY KEY, name text NOT NULL UNIQUE, category text NOT NULL, price numeric(8,2) NOT NULL,
    stock int NOT NULL, since date NOT NULL);
  COMMENT ON TABLE products IS 'What the shop sells today';
  COMMENT ON COLUMN products.price IS 'EUR, VAT included';
  COMMENT ON COLUMN products.stock IS 'Pieces in the warehouse';

  CREATE TABLE orders (
    id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, ordered_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'paid', 'shipped', 'returned', 'cancelled')),
    total numeric(10,2) NOT NULL, voucher text);
  COMMENT ON TABLE orders IS 'One line for each order';
  COMMENT ON COLUMN orders.total IS 'EUR, the sum of its items less the voucher';
  CREATE INDEX ON orders (customer_id);
  CREATE INDEX ON orders (ordered_at);

  CREATE TABLE order_items (
    order_id int NOT NULL REFERENCES orders, product_id int NOT NULL REFERENCES products,
    quantity int NOT NULL CHECK (quantity > 0), price numeric(8,2) NOT NULL, PRIMARY KEY (order_id, product_id));
  COMMENT ON TABLE order_items IS 'Products of an order';
  COMMENT ON COLUMN order_items.price IS 'EUR for one piece, as it was at that time';
  CREATE INDEX ON order_items (product_id);

  CREATE TABLE supplier_prices (
    product_id int PRIMARY KEY REFERENCES products, supplier text NOT NULL, price numeric(8,2) NOT NULL);
  COMMENT ON TABLE supplier_prices IS 'What the shop pays; confidential';

  CREATE VIEW product_reach AS
    SELECT p.id AS product_id, p.name, count(DISTINCT o.customer_id) AS customers, sum(i.quantity) AS pieces
      FROM products p JOIN order_items i ON i.product_id = p.id JOIN orders o ON o.id = i.order_id
     WHERE o.status <> 'cancelled' GROUP BY p.id, p.name;
  COMMENT ON VIEW product_reach IS 'How many people ever bought a product';
`;

/** Name, category, price in EUR, and how often it is bought compared with the others. */
export const PRODUCTS: readonly (readonly [string, string, number, number])[] = [
  ["Assam Golden Tips 250 g", "black tea", 14.9, 6],
  ["Darjeeling First Flush 100 g", "black tea", 19.5, 4],
  ["Earl Grey Bergamot 250 g", "black tea", 11.9, 9],
  ["English Breakfast 500 g", "black tea", 17.9, 8],
  ["Lapsang Souchong 100 g", "black tea", 12.5, 2],
  ["Sencha Uji 100 g", "green tea", 16.9, 6],
  ["Gyokuro Asahi 50 g", "green tea", 24, 2],
  ["Jasmine Pearls 100 g", "green tea", 18.5, 4],
  ["Matcha Ceremonial 30 g", "green tea", 27.9, 5],
  ["Genmaicha 200 g", "green tea", 13.9, 3],
  ["Rooibos Vanilla 250 g", "herbal tea", 10.9, 7],
  ["Peppermint Leaves 100 g", "herbal tea", 6.9, 7],
  ["Chamomile Flowers 100 g", "herbal tea", 7.5, 5],
  ["Ginger Lemon 15 bags", "herbal tea", 5.9, 6],
  ["Espresso Napoli 1 kg", "coffee", 24.9, 10],
  ["Filter Ethiopia Sidamo 500 g", "coffee", 18.9, 7],
  ["Colombia Huila 500 g", "coffee", 17.9, 6],
  ["Decaf Swiss Water 500 g", "coffee", 18.5, 4],
  ["House Blend 1 kg", "coffee", 21.9, 9],
  ["Glass Teapot 1.2 l", "equipment", 39.9, 2],
  ["Cast Iron Teapot 0.8 l", "equipment", 59, 1],
  ["Hand Grinder Steel", "equipment", 79, 1],
  ["Pour Over Set 02", "equipment", 34.5, 2],
  ["Paper Filters 100 pieces", "equipment", 4.9, 8],
];

/** Countries with their cities and the share of customers. */
export const COUNTRIES: readonly (readonly [country: string, cities: readonly string[], share: number])[] = [
  ["DE", ["Berlin", "Hamburg", "Leipzig", "Munich", "Cologne"], 40],
  ["AT", ["Vienna", "Graz", "Linz"], 15],
  ["CH", ["Zurich", "Bern", "Basel"], 14],
  ["NL", ["Amsterdam", "Utrecht", "Rotterdam"], 12],
  ["FR", ["Paris", "Lyon", "Nantes"], 11],
  ["SE", ["Stockholm", "Gothenburg"], 8],
];
