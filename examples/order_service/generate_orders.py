#!/usr/bin/env python3
"""Writes orders.csv: invented but plausible orders, the same ones every time.

Usage: generate_orders.py > orders.csv
"""

import datetime
import random

COUNT = 4000
SEED = 20260301

GIVEN = """Anna Ben Carla David Elif Finn Greta Hugo Ida Jonas Karin Luca Mia Noah Olga Paul Rosa Sven Tara Umut
Vera Willem Yara Zoe Aiko Bashir Chiara Diego Emma Farid""".split()
FAMILY = """Berger Conti Dubois Eriksen Fischer Garcia Haas Ivanova Jansen Keller Lindqvist Moreau Novak Okafor
Petrov Rossi Schmid Tanaka Urban Visser Weber Yilmaz Zimmermann Almeida Brandt""".split()
# Country, currency, weight.
COUNTRIES = [("DE", "EUR", 34), ("FR", "EUR", 16), ("NL", "EUR", 12), ("IT", "EUR", 10), ("CH", "CHF", 11),
             ("SE", "SEK", 9), ("GB", "GBP", 8)]
RATE = {"EUR": 1.0, "CHF": 0.96, "SEK": 11.3, "GBP": 0.85}
PAYMENTS = [("card", 52), ("paypal", 24), ("invoice", 18), ("prepaid", 6)]


def weighted(rng, choices):
    return rng.choices(choices, weights=[choice[-1] for choice in choices])[0]


def catalogue(rng):
    """Article number to price in euro cents; few expensive articles, many cheap ones."""
    return {f"A{number}": round(rng.lognormvariate(3.3, 0.9) * 100) // 10 * 10 + 9 for number in range(1001, 1121)}


def main():
    rng = random.Random(SEED)
    articles = catalogue(rng)
    customers = []
    for number in range(1, 1201):
        country, currency, _ = weighted(rng, COUNTRIES)
        customers.append((f"C{number:05}", f"{rng.choice(GIVEN)} {rng.choice(FAMILY)}", country, currency))

    time = datetime.datetime(2026, 3, 2, 6, 0, 0)
    print("order_id,placed_at,customer_id,customer,country,currency,payment,items,total")
    for number in range(COUNT):
        time += datetime.timedelta(seconds=rng.expovariate(1 / 19))
        customer_id, customer, country, currency = rng.choice(customers)
        payment = weighted(rng, PAYMENTS)[0]
        items, total = [], 0
        for article in rng.sample(sorted(articles), rng.choices([1, 2, 3, 4], weights=[50, 27, 15, 8])[0]):
            quantity = rng.choices([1, 2, 3, 6, 12], weights=[66, 20, 7, 5, 2])[0]
            price = round(articles[article] * RATE[currency])
            items.append(f"{article}*{quantity}@{price / 100:.2f}")
            total += quantity * price
        print(f"O{260300000 + number * 7},{time:%Y-%m-%dT%H:%M:%SZ},{customer_id},{customer},{country},{currency},"
              f"{payment},{';'.join(items)},{total / 100:.2f}")


if __name__ == "__main__":
    main()
