"""What each feed holds, as the table of feeds in the definitions has it (section 1): its key, the column that dates a row,
and its columns. `t` text, `i` whole number, `d` decimal, `D` date, `T` moment, `b` yes or no; an upper-case `!` behind
marks what a row cannot do without."""

FEEDS = {
    "sales": {
        "key": ["partner_id", "order_id", "line_no"], "dated_by": "sold_at", "columns": {
            "partner_id": "t!", "order_id": "t!", "line_no": "i!", "channel_id": "t!", "sold_at": "T!",
            "customer_id": "t", "sku": "t!", "quantity": "i!", "unit_price": "d!", "discount_amount": "d", "currency": "t",
            "ship_to_region": "t", "promotion_id": "t", "promised_on": "D", "delivered_on": "D", "sale_type": "t"}},
    "inventory": {
        "key": ["partner_id", "sku", "counted_on"], "dated_by": "counted_on", "columns": {
            "partner_id": "t!", "sku": "t!", "counted_on": "D!", "on_hand_quantity": "i!", "on_order_quantity": "i",
            "unit_cost": "d", "oldest_receipt_on": "D"}},
    "shipments": {
        "key": ["partner_id", "shipment_id", "line_no"], "dated_by": "shipped_on", "columns": {
            "partner_id": "t!", "shipment_id": "t!", "line_no": "i!", "sku": "t!", "shipped_on": "D!", "promised_on": "D",
            "received_on": "D", "quantity": "i!", "unit_price": "d!", "currency": "t"}},
    "complaints": {
        "key": ["complaint_id"], "dated_by": "opened_at", "columns": {
            "complaint_id": "t!", "customer_id": "t", "partner_id": "t", "channel_id": "t!", "medium": "t!",
            "opened_at": "T!", "first_response_at": "T", "resolved_at": "T", "paused_hours": "d", "category": "t!",
            "stage": "t!", "severity": "t"}},
    "surveys": {
        "key": ["response_id"], "dated_by": "answered_at", "columns": {
            "response_id": "t!", "customer_id": "t", "partner_id": "t", "channel_id": "t!", "stage": "t!", "score": "i!",
            "answered_at": "T!", "theme": "t", "comment": "t"}},
    "market_notes": {
        "key": ["note_id"], "dated_by": "noted_on", "columns": {
            "note_id": "t!", "noted_on": "D!", "partner_id": "t", "channel_id": "t", "region": "t", "kind": "t!",
            "text": "t!"}},
    "partner_reviews": {
        "key": ["partner_id", "period", "reviewer"], "dated_by": "period", "columns": {
            "partner_id": "t!", "period": "t!", "reviewer": "t!", "service_score": "i", "logistics_score": "i",
            "cooperation_score": "i", "brand_alignment_score": "i", "comment": "t"}},
    "points_redemptions": {
        "key": ["redemption_id"], "dated_by": "redeemed_at", "columns": {
            "redemption_id": "t!", "customer_id": "t!", "redeemed_at": "T!", "points": "i!"}},
    "rebate_payouts": {
        "key": ["payout_id"], "dated_by": "paid_on", "columns": {
            "payout_id": "t!", "partner_id": "t!", "plan_id": "t!", "period": "t!", "paid_on": "D!", "amount": "d!"}},
    "contacts": {
        "key": ["contact_id"], "dated_by": "contacted_at", "columns": {
            "contact_id": "t!", "customer_id": "t!", "contacted_at": "T!", "kind": "t!", "by": "t", "outcome": "t",
            "reason": "t"}},
    "partners": {
        "key": ["partner_id"], "columns": {
            "partner_id": "t!", "name": "t!", "channel_id": "t!", "cooperation_mode": "t!", "territory": "t",
            "business_licence": "t", "licence_valid_until": "D", "industry_years": "i", "registered_capital": "d",
            "sales_team_size": "i", "training_hours": "d", "status": "t!", "joined_on": "D", "ended_on": "D",
            "manager": "t", "commission_rate": "d", "franchise_fee_per_month": "d", "management_fee_rate": "d"}},
    "channels": {
        "key": ["channel_id"], "columns": {"channel_id": "t!", "name": "t!", "channel_type": "t!", "manager": "t"}},
    "products": {
        "key": ["sku", "valid_from"], "columns": {
            "sku": "t!", "name": "t!", "category": "t!", "list_price": "d", "floor_price": "d", "unit_cost": "d",
            "lead_time_days": "i", "launched_on": "D", "valid_from": "D"}},
    "customers": {
        "key": ["customer_id"], "columns": {
            "customer_id": "t!", "joined_on": "D", "birth_date": "D", "gender": "t", "income_band": "t", "region": "t",
            "referred_by": "t", "manager": "t", "contact_allowed": "b"}},
    "targets": {
        "key": ["scope", "scope_id", "period", "metric"], "columns": {
            "scope": "t!", "scope_id": "t", "period": "t!", "metric": "t!", "target": "d!"}},
    "promotions": {
        "key": ["promotion_id"], "columns": {
            "promotion_id": "t!", "partner_id": "t", "channel_id": "t", "sku": "t", "starts_on": "D!", "ends_on": "D!",
            "min_price": "d", "approved_by": "t"}},
    "channel_costs": {
        "key": ["channel_id", "partner_id", "month", "cost_type"], "columns": {
            "channel_id": "t!", "partner_id": "t", "month": "t!", "cost_type": "t!", "amount": "d!", "currency": "t"}},
    "market": {
        "key": ["period", "region", "category"], "columns": {
            "period": "t!", "region": "t", "category": "t", "market_sales_amount": "d!",
            "largest_competitor_sales_amount": "d", "currency": "t"}},
    "fx_rates": {
        "key": ["rate_date", "currency"], "columns": {"rate_date": "D!", "currency": "t!", "rate_to_base": "d!"}},
    "regions": {
        "key": ["region"], "columns": {
            "region": "t!", "name": "t!", "parent": "t", "city_tier": "t", "population": "i", "adjacent_regions": "t"}},
    "calendar": {
        "key": ["date", "region", "name"], "columns": {
            "date": "D!", "region": "t", "kind": "t!", "name": "t!", "is_workday": "b"}},
    "rebate_plans": {
        "key": ["plan_id", "tier_no"], "columns": {
            "plan_id": "t!", "tier_no": "i!", "scope": "t!", "scope_id": "t", "period_type": "t!", "basis": "t!",
            "metric": "t!", "method": "t!", "from_value": "d!", "rate": "d", "amount": "d", "cap": "d", "min_growth": "d",
            "valid_from": "D", "valid_to": "D"}},
}

# Reference feeds are full snapshots; all others are events.
EVENTS = {name for name, feed in FEEDS.items() if "dated_by" in feed}
# Of these the latest delivery of a key counts, whichever file brings it; of the others a file stands for its period.
BY_KEY = {"complaints", "surveys", "market_notes", "contacts", "points_redemptions", "rebate_payouts", "partner_reviews"}
# Files may speak of days so far before and after what they are named for.
WINDOW_BACK = {"complaints": 400}
WINDOW_BACK_DEFAULT, WINDOW_AHEAD = 120, 1
